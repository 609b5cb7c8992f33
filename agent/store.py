"""Where incidents and their runs are kept: one folder per incident, a folder per run in it.

<state>/incidents/<id>/incident.json log.txt snapshot.json ...   the captured world
<state>/incidents/<id>/runs/<n>/journal.jsonl                    append-only, first of all
                                trajectory.json                  after every step
                                diagnosis.json patch.diff proof.json result.json report.md
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from agent.events import WRITTEN_THROUGH, Event
from tools.incident import Incident, IncidentError, IncidentFolder

WORLD = ("incident.json", "snapshot.json", "truth.json", "redis.json", "messages.jsonl")
LOG_CAP = 64 * 2**20
"""The most bytes of a log that an imported incident keeps: its end."""
_OF_A_DEATH = ("service", "detected_at", "pid", "exit_code")


class Busy(Exception):
    """Another run has the service; the message names it."""


class StateError(Exception):
    """The state folder cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run on an incident: a folder and its append-only journal."""

    path: Path
    number: int

    def append(self, event: Event) -> None:
        """Write one event to the journal; the ones that precede a side effect reach the disk before it."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), **event.record()}, ensure_ascii=False)
        descriptor = os.open(self.path / "journal.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode() + b"\n")
            if isinstance(event, WRITTEN_THROUGH):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the run so that a reader sees the old one or the new one, never a part."""
        target = self.path / name
        partial = target.with_name(f".{name}.partial")
        partial.write_text(text, encoding="utf-8", errors="replace")
        partial.replace(target)
        return target

    def journal(self) -> list[dict[str, Any]]:
        """The events so far; a line that a kill cut short is left out."""
        return list(_json_lines(self.path / "journal.jsonl"))

    def result(self) -> dict[str, Any] | None:
        """The run's `result.json`, or None while it runs or when it was killed."""
        try:
            value = json.loads((self.path / "result.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return value if isinstance(value, dict) else None


@dataclass(frozen=True, slots=True)
class Store:
    """The state folder: incidents, their runs, one lock per service."""

    root: Path

    def prepare(self) -> None:
        """Make the state folder, readable by its owner alone.

        Raises:
            StateError: it cannot be made or written.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("incidents", "locks"):
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"{self.root} cannot be used for state: {error.strerror}; see --state"
            ) from error
        if not os.access(self.root, os.W_OK):
            raise StateError(f"{self.root} is read-only; name another folder with --state")

    def incidents(self) -> list[IncidentFolder]:
        """All incidents, newest first."""
        folder = self.root / "incidents"
        found = [p for p in folder.iterdir() if (p / "incident.json").is_file()] if folder.is_dir() else []
        return [IncidentFolder(p) for p in sorted(found, key=lambda p: p.stat().st_mtime, reverse=True)]

    def find(self, incident_id: str) -> IncidentFolder:
        """The incident with this id.

        Raises:
            IncidentError: there is none.
        """
        folder = self.root / "incidents" / incident_id
        if Path(incident_id).name != incident_id or not (folder / "incident.json").is_file():
            raise IncidentError(f"there is no incident {incident_id!r}: `autohealer incidents` lists them")
        return IncidentFolder(folder)

    def add(self, source: IncidentFolder) -> IncidentFolder:
        """Copy an incident folder from elsewhere into the store; its runs here are kept.

        Raises:
            IncidentError: it is no incident folder, its log is not a regular file, or another crash is
                in the store under its id.
        """
        incident = source.incident()
        target = self.root / "incidents" / incident.id
        if target.resolve() == source.path.resolve():
            return source
        if not (source.log.exists() or source.log.is_symlink()):
            raise IncidentError(
                f"{source.path} has no log.txt: an incident folder needs incident.json and log.txt"
            )
        if (target / "incident.json").is_file():
            _refuse_another(source, IncidentFolder(target))
        (target / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in WORLD:
            if (source.path / name).is_file():
                shutil.copyfile(source.path / name, target / name)
        _copy_end(source.log, target / "log.txt")
        for log in sorted((source.path / "logs").glob("*.txt")):
            _copy_end(log, target / "logs" / log.name)
        return IncidentFolder(target)

    def write_incident(self, incident: Incident) -> None:
        """Replace the `incident.json` of an incident that is in the store."""
        file = self.root / "incidents" / incident.id / "incident.json"
        file.write_text(incident.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def open_run(self, folder: IncidentFolder) -> Run:
        """Make the next free run folder of an incident."""
        runs = folder.path / "runs"
        runs.mkdir(mode=0o700, exist_ok=True)
        number = 1 + max((run.number for run in self.runs(folder)), default=0)
        while True:
            try:
                (runs / str(number)).mkdir(mode=0o700)
            except FileExistsError:
                number += 1
                continue
            return Run(runs / str(number), number)

    def runs(self, folder: IncidentFolder) -> list[Run]:
        """The runs on an incident, oldest first."""
        found = [p for p in (folder.path / "runs").glob("*") if p.name.isdigit()]
        return sorted((Run(p, int(p.name)) for p in found), key=lambda run: run.number)

    @contextmanager
    def hold(self, service: str) -> Iterator[None]:
        """Hold the service's lock: one run at a time on one service.

        Raises:
            Busy: another run holds it.
        """
        path = self.root / "locks" / f"{service}.lock"
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(
                    f"another run is healing {service}; wait for it or see `autohealer incidents`"
                ) from error
            yield


def _refuse_another(source: IncidentFolder, kept: IncidentFolder) -> None:
    """What was recorded stays: the same id may not bring another crash, only what was not there yet."""
    one, other = source.incident(), kept.incident()
    differs = [name for name in _OF_A_DEATH if getattr(one, name) != getattr(other, name)]
    files = [name for name in WORLD if name != "incident.json"]
    files += ["log.txt", *(f"logs/{log.name}" for log in sorted((source.path / "logs").glob("*.txt")))]
    differs += [name for name in files if _is_other(source.path / name, kept.path / name)]
    if differs:
        raise IncidentError(
            f"{source.path} is another incident than {one.id} in the state (other {', '.join(differs)}), "
            f'and that one is kept: give this one an "id" of its own in its incident.json, or heal what was '
            f"recorded with `autohealer heal {one.id}`"
        )


def _is_other(source: Path, kept: Path) -> bool:
    """Whether a file would replace one that says something else, as far as it is kept."""
    if not (source.exists() and kept.exists()):
        return False
    with _regular(source) as reader, kept.open("rb") as known:
        if os.fstat(reader.fileno()).st_size - reader.tell() != os.fstat(known.fileno()).st_size:
            return True
        return any(reader.read(len(block)) != block for block in iter(lambda: known.read(1 << 20), b""))


def _copy_end(source: Path, target: Path) -> None:
    """Copy the end of a log; anything but a regular file is refused."""
    if source.exists():
        with _regular(source) as reader, target.open("wb") as writer:
            shutil.copyfileobj(reader, writer)


def _regular(source: Path) -> BinaryIO:
    """A plain file, open at the start of what is kept of it. Raises IncidentError."""
    if source.is_symlink() or not stat.S_ISREG(source.stat().st_mode):
        raise IncidentError(f"{source} is not a regular file: an incident's logs must be plain files")
    reader = source.open("rb")
    reader.seek(max(0, source.stat().st_size - LOG_CAP))
    return reader


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue
