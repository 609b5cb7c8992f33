"""One incident opened for a run: its world, the commit, the sandbox and the workbench for the tools."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from agent.events import Captured, Emit, Noted, SandboxChosen
from agent.settings import Settings
from sandbox.isolation import Isolation, SandboxUnavailable, find_isolation
from sandbox.testing import TestBench
from sandbox.worktree import PrivateRepository
from tools.capture import site_of
from tools.incident import Incident, IncidentError, IncidentFolder
from tools.logs import Crash, LogError, last_crash, map_frames
from tools.redact import Redactor
from tools.replay import Replay
from tools.replay.stage import cleaned_file
from tools.repository import Repository, RepositoryError
from tools.tool import Workbench
from tools.truth import NO_TRUTH, Truth, TruthError, from_files


@dataclass(frozen=True, slots=True)
class Case:
    """What a run works on. `isolation` is None where no sandbox passed its probes."""

    incident: Incident
    target: Path
    folder: IncidentFolder
    crash: Crash | None
    truth: Truth | None
    isolation: Isolation | None
    bench: Workbench
    head: str


def open_case(folder: IncidentFolder, settings: Settings, state: Path, emit: Emit) -> Case:
    """Open an incident on the repository that the settings or the incident name.

    Raises:
        IncidentError: no repository is named, or it has not the incident's commit.
    """
    incident = folder.incident()
    target = target_of(incident, settings)
    gate = PrivateRepository(target, state)
    gate.sweep()
    try:
        repository = Repository(target, incident.commit)
    except RepositoryError as error:
        raise IncidentError(f"{error}; name the repository and commit with --repo and --commit") from error
    incident = incident.model_copy(update={"commit": repository.commit})
    truth = _truth(repository, emit)
    redact = Redactor(site_of(target, truth or NO_TRUTH, settings.system_redis_url, "commit").secrets())
    crash = _crash(folder, repository, emit)
    emit(Captured(str(folder.path), redact(_headline(crash))))
    bench = Workbench(folder, incident.service, repository, gate, redact, live_logs=_live_logs(target))
    isolation = _isolation(settings, emit)
    if isolation is not None:
        python = settings.interpreter(target)
        bench.tests = TestBench(
            gate, isolation, python, conceal=lambda path, raw: cleaned_file(path, raw, redact)
        )
        bench.replay = Replay(gate, isolation, python, folder, incident.service, incident.commit, crash)
    return Case(incident, target, folder, crash, truth, isolation, bench, Repository(target).commit)


def on_commit(case: Case, commit: str) -> Case:
    """The same incident on another commit: what is read, tested and booted is that commit's."""
    old = case.bench
    bench = replace(old, repository=Repository(case.target, commit), replay=None, patch=None)
    if old.replay is not None:
        bench.replay = replace(old.replay, commit=commit)
    incident = case.incident.model_copy(update={"commit": commit})
    return replace(case, incident=incident, bench=bench)


def refuse_outage(incident: Incident) -> None:
    """Raises IncidentError for an outage of a Redis: it is no service of the repository."""
    if incident.trigger == "redis_down":
        raise IncidentError(
            f"{incident.id} is infrastructure, there is no code to heal: autohealer show {incident.id}"
        )


def target_of(incident: Incident, settings: Settings) -> Path:
    """The repository that the settings or the incident name.

    Raises:
        IncidentError: neither does, or it does not exist.
    """
    named = settings.repo or (Path(incident.repo) if incident.repo else None)
    if named is None:
        raise IncidentError("the incident names no repository: say which with --repo PATH")
    target = named.expanduser().absolute()
    if not target.exists():
        raise IncidentError(f"{target} does not exist: name the MarketSwarm repository with --repo PATH")
    return target


def _truth(repository: Repository, emit: Emit) -> Truth | None:
    try:
        return from_files(repository.files("truth/"), repository.read)
    except TruthError as error:
        emit(Noted(f"Truth cannot be read from the commit: {error}"))
        return None


def _crash(folder: IncidentFolder, repository: Repository, emit: Emit) -> Crash | None:
    """The crash of the last run in the captured log, with frames as they are in the commit."""
    try:
        crash = last_crash(folder.log)
    except LogError as error:
        emit(Noted(f"the log cannot be read: {error}"))
        return None
    return map_frames(crash, repository.exists) if crash else None


def _live_logs(target: Path) -> Path | None:
    logs = target / "logs"
    return logs if logs.is_dir() else None


def _isolation(settings: Settings, emit: Emit) -> Isolation | None:
    if not settings.sandbox.enabled:
        emit(SandboxChosen(None, "switched off in the settings"))
        return None
    try:
        isolation = find_isolation(allow_seatbelt=settings.sandbox.allow_seatbelt)
    except SandboxUnavailable as error:
        emit(SandboxChosen(None, str(error)))
        return None
    emit(SandboxChosen(isolation.name, "every probe was denied"))
    return isolation


def _headline(crash: Crash | None) -> str:
    if crash is None:
        return "the log shows no crash"
    final = crash.final
    return f"{final.type}: {final.message}"[:200] if final else f"{crash.kind}: {crash.text.strip()[:160]}"
