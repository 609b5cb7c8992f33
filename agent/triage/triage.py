"""The checklist in its order: the first rule that fits says what it was, and gives its evidence."""

from __future__ import annotations

from collections.abc import Callable

from agent.diagnosis import Category
from agent.triage import (
    code,
    configuration,
    endings,
    external,
    foreign,
    imports,
    network,
    redis_failures,
    upstream,
)
from agent.triage.result import Dependency, Finding, Triage
from agent.triage.scene import Scene
from tools.incident import IncidentFolder
from tools.logs import Crash, LogError, fingerprint, last_crash, map_frames
from tools.repository import Change, Repository
from tools.repository.tree import RepositoryError
from tools.truth import NO_TRUTH, Truth

Rule = Callable[[Scene], Finding | None]

RULES: tuple[Rule, ...] = (
    endings.no_log,
    endings.not_text,
    endings.still_running,
    endings.stopped,
    endings.killed,
    configuration.truth_missing,
    network.port_conflict,
    external.resource,
    network.mysql,
    network.service,
    redis_failures.redis,
    external.websocket,
    imports.missing,
    configuration.variable_missing,
    external.provider,
    upstream.missing_data,
    foreign.foreign,
    code.own,
    code.error_line,
)
"""Most telling first: what names its own cause, then what only the frames and the health tell apart."""

_CHANGES = 3


def triage(
    folder: IncidentFolder, repository: Repository, truth: Truth | None = None, crash: Crash | None = None
) -> Triage:
    """Say what an incident was, without a model.

    Args:
        folder: the incident as it was captured.
        repository: the commit that ran.
        truth: Truth of that commit; without it the documentation's table is used.
        crash: the crash of its log with mapped frames, where the caller has it already.

    Raises:
        IncidentError: the folder cannot be read.
    """
    scene = _scene(folder, repository, truth or NO_TRUTH, crash)
    finding = next((found for rule in RULES if (found := rule(scene)) is not None), _nothing(scene))
    return _triage(scene, finding)


def _scene(folder: IncidentFolder, repository: Repository, truth: Truth, crash: Crash | None) -> Scene:
    incident, snapshot = folder.incident(), folder.snapshot()
    scene = Scene(folder, incident, repository, truth, snapshot, crash or _crash(folder, repository))
    quiet = scene.crash is not None and scene.crash.kind in ("no_trace", "stopped")
    if scene.is_alive and quiet:
        survived = _crash(folder, repository, alive=True)
        return Scene(folder, incident, repository, truth, snapshot, survived)
    return scene


def _crash(folder: IncidentFolder, repository: Repository, *, alive: bool = False) -> Crash | None:
    try:
        crash = last_crash(folder.log, alive=alive)
    except LogError:
        return None
    return map_frames(crash, repository.exists) if crash else None


def _nothing(scene: Scene) -> Finding:
    final = scene.final
    return Finding(
        Category.UNKNOWN, "unclear", 0.2, "No rule fits what the log shows.",
        evidence=(f"log: {final.text}",) if final else (),
    )  # fmt: skip


def _triage(scene: Scene, finding: Finding) -> Triage:
    culprit = finding.culprit or (scene.culprit() if finding.verdict != "not_fixable" else None)
    return Triage(
        service=scene.service,
        crash=scene.crash,
        category=finding.category,
        confidence=round(finding.confidence, 2),
        verdict=finding.verdict,
        why=finding.why,
        reason=finding.reason,
        culprit=culprit,
        owner=scene.owner,
        dependencies=tuple(_dependencies(scene, finding)),
        fingerprint=fingerprint(scene.service, scene.crash) if scene.crash else None,
        look_alikes=finding.notes + _dirty(scene),
        changes=_changes(scene, culprit.file) if culprit and _is_code(finding) else (),
        operator_action=finding.action,
        evidence=finding.evidence,
    )


def _is_code(finding: Finding) -> bool:
    """Whether code is at fault, the service's or shared/, so that what changed it matters."""
    return finding.verdict != "not_fixable" or finding.reason == "shared"


def _dependencies(scene: Scene, finding: Finding) -> list[Dependency]:
    needed = [scene.parts[name] for name in scene.needed if name in scene.parts]
    return [Dependency(part.name, part.state, part.text, part.name in finding.explains) for part in needed]


def _dirty(scene: Scene) -> tuple[str, ...]:
    own = [path for path in scene.incident.dirty if path.startswith((scene.root, "shared/"))]
    return (f"uncommitted changes were in the checkout: {', '.join(own[:5])}",) if own else ()


def _changes(scene: Scene, path: str) -> tuple[Change, ...]:
    try:
        return tuple(scene.repository.history(path, _CHANGES))
    except RepositoryError:
        return ()
