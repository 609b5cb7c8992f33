"""What a run saw, kept beside its report: with it the report is told again when more is known.

Neither the checkout nor the model has to be there any more for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.case import Case
from agent.cleaning import cleaned
from agent.report.conversation import Said, conversation
from agent.report.logs import LogLine, log_lines
from agent.report.timeline import Moment, timeline
from agent.result import HealResult
from agent.store import Run
from agent.triage import Triage
from tools.get_health_snapshot import truth_of
from tools.incident import IncidentError
from tools.redact import Redactor
from tools.repository import RepositoryError
from tools.standing import Standing, standing_of

FILE = "scene.json"
SOURCE_LINES = 6


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of the culprit's file as they were when the service died."""

    path: str
    function: str
    lines: tuple[tuple[int, str], ...]
    culprit: int


class Scene(BaseModel):
    """All that a report tells, as it was when the run ended; every text is redacted."""

    model_config = ConfigDict(frozen=True)

    result: HealResult
    detected: datetime | None = None
    trigger: str = ""
    exit_code: int | None = None
    error: str = ""
    crash: str = ""
    triage: str = ""
    diff: str = ""
    health: Standing | None = None
    source: Source | None = None
    log: tuple[LogLine, ...] = ()
    messages: tuple[Said, ...] = ()
    moments: tuple[Moment, ...] = ()


def scene_of(result: HealResult, run: Run, case: Case | None, found: Triage | None) -> Scene:
    """What a run saw, as it stands at its end."""
    redact = case.bench.redact if case else Redactor()
    told: dict[str, Any] = {
        "result": result,
        "messages": conversation(_trajectory(run.path)),
        "moments": timeline(run.journal(), redact),
        "triage": found.text if found else "",
    }
    if case is None:
        return _cleaned(Scene(**told), redact)
    crash, patch = case.crash, case.bench.patch
    scene = Scene(
        **told,
        detected=case.incident.detected_at,
        trigger=case.incident.trigger,
        exit_code=case.incident.exit_code,
        error=crash.final.text if crash and crash.final else "",
        crash=crash.text if crash else "",
        diff=patch.diff if patch else "",
        health=_health(case),
        source=_source(case),
        log=log_lines(case.folder.log, crash, result.service, redact) if crash else (),
    )
    return _cleaned(scene, redact)


def keep_scene(run: Run, scene: Scene) -> None:
    """Write it into the run's folder. Raises OSError."""
    run.write(FILE, scene.model_dump_json())


def kept_scene(run: Run) -> Scene | None:
    """What an ended run saw; None where it did not come so far, or was run before this was kept."""
    try:
        return Scene.model_validate_json((run.path / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _cleaned(scene: Scene, clean: Callable[[str], str]) -> Scene:
    """The scene with every text in it cleaned, whatever it came from."""
    return Scene.model_validate(cleaned(scene.model_dump(), clean))


def _health(case: Case) -> Standing | None:
    try:
        return standing_of(case.incident.service, case.folder.snapshot(), truth_of(case.bench))
    except IncidentError:
        return None


def _source(case: Case) -> Source | None:
    """The culprit's lines, from the commit; cleaned as one text, since a secret may span several lines."""
    culprit = case.crash.culprit(case.incident.service) if case.crash else None
    if culprit is None or culprit.repo_path is None:
        return None
    try:
        text = case.bench.repository.read(culprit.repo_path).decode("utf-8", "replace")
    except RepositoryError:
        return None
    numbered = list(enumerate(case.bench.redact(text).split("\n"), start=1))
    low = max(0, culprit.line - 1 - SOURCE_LINES)
    lines = tuple(numbered[low : culprit.line + SOURCE_LINES])
    return Source(culprit.repo_path, culprit.function, lines, culprit.line)


def _trajectory(folder: Path) -> list[dict[str, Any]]:
    try:
        items = json.loads((folder / "trajectory.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return items if isinstance(items, list) else []
