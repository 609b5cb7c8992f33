"""Everything the rules look at: the crash, the commit, Truth and the health at that moment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from agent.diagnosis import Culprit
from tools.incident import Incident, IncidentFolder, Snapshot
from tools.logs import Crash, CrashError, Frame, LogError, Owner
from tools.logs.frames import likely_path, owner_of
from tools.logs.tail import last_window
from tools.repository import Repository
from tools.repository.tree import RepositoryError
from tools.standing import Part, needs, parts_of
from tools.truth import Component, Truth

_GENERIC = {"RuntimeError", "Exception", "SystemExit", "BaseException", "Error", ""}
_BUS_LINE = re.compile(
    r"\b([a-z0-9_]+[-_]redis)(?:_url)?\b[\s\"':=]{1,12}redis://[^\s:/@]*(?::[^\s@]*@[^\s:]*)?:(\d{2,5})", re.I
)
_MYSQL_LINE = re.compile(r"\bMYSQL_PORT\b[\s\"':=]{1,6}(\d{2,5})\b")
_TRUTH_LINE = re.compile(r"Truth (?:from|at) redis://[^\s]{0,200}?:(\d{2,5})")
_ADDRESS = re.compile(
    r"(?:(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|::1|:::?|://[\w.-]{1,200}|host [\w.-]{1,200}"
    r"|on '[\w.-]{1,200}):"
    r"|\('[\w.:-]{1,200}', |port[=: ]{1,3}'?)(\d{2,5})(?!\d|\.\d)"
)
_CONSTANT = r"[A-Za-z_][A-Za-z0-9_]* *= *[fb]?[\"'][^\"' ]*:"
_PARSED_CONSTANT = re.compile(r"([A-Za-z_]\w{0,80}) *= *[fb]?[\"']([^\"' ]{1,200})")
_LOG_BYTES = 256 << 10


@dataclass(frozen=True)
class Scene:
    """One incident as the rules see it. `crash` has its frames mapped."""

    folder: IncidentFolder
    incident: Incident
    repository: Repository
    truth: Truth
    snapshot: Snapshot
    crash: Crash | None

    @property
    def service(self) -> str:
        return self.incident.service

    @property
    def root(self) -> str:
        """The service's folder in the repository."""
        return f"services/{self.service}/"

    @cached_property
    def component(self) -> Component:
        return self.truth.component(self.service)

    @property
    def final(self) -> CrashError | None:
        return self.crash.final if self.crash else None

    @property
    def owner(self) -> Owner:
        return self.crash.owner(self.service) if self.crash else "unknown"

    @cached_property
    def relevant(self) -> tuple[CrashError, ...]:
        """The final error, then those that it only passes on: its causes, and what a general one wraps."""
        final = self.final
        if final is None or self.crash is None:
            return ()
        others = [error for error in reversed(self.crash.errors) if error is not final]
        passed_on = (error for error in others if _is_passed_on(error, final))
        return (final, *passed_on)

    @cached_property
    def frame(self) -> Frame | None:
        """The innermost frame of the repository, of the final error or else of one it passes on."""
        for error in self.relevant:
            for frame in reversed(error.frames):
                if self.owner_of(frame) in ("service", "shared", "other_service"):
                    return frame
        return None

    @cached_property
    def own_frame(self) -> Frame | None:
        """The innermost frame in the service's own code."""
        return self.crash.culprit(self.service) if self.crash else None

    def owner_of(self, frame: Frame) -> Owner:
        return owner_of(frame, self.service)

    def culprit(self, frame: Frame | None = None) -> Culprit | None:
        """A frame, else the innermost one in the service's own code, as the culprit."""
        frame = frame or self.own_frame
        if frame is None:
            return None
        return Culprit(file=likely_path(frame), line=frame.line or None, function=frame.function)

    # Health

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """What the service needs, and whatever else the snapshot names."""
        return {part.name: part for part in parts_of(self.snapshot, self.needed)}

    @cached_property
    def needed(self) -> tuple[str, ...]:
        return needs(self.service, self.truth)

    def is_down(self, name: str) -> bool:
        return name in self.parts and self.parts[name].stops

    def is_up(self, name: str) -> bool:
        return name in self.parts and self.parts[name].state != "unknown" and not self.parts[name].stops

    def health(self, name: str) -> str:
        """One line of evidence on a part of the platform."""
        return f"snapshot: {name}: {self.parts[name].text}" if name in self.parts else f"snapshot: no {name}"

    @property
    def is_alive(self) -> bool:
        """Whether the process still ran when the snapshot was taken."""
        beat = self.snapshot.heartbeats.get(self.service)
        return beat is not None and bool(beat.pid_alive)

    # Addresses

    @cached_property
    def ports(self) -> Mapping[int, str]:
        """What listens where: buses, MySQL and services, by port, as the log and Truth say."""
        known: dict[int, str] = {}
        for name in self.truth.services:
            port = self.truth.component(name).port
            if port:
                known[port] = name
        known[self.truth.mysql_address()[1]] = "mysql"
        for bus, url in self.truth.buses().items():
            port_of = re.search(r":(\d{2,5})(?:/|$)", url)
            if port_of:
                known[int(port_of.group(1))] = bus
        known.update(self._logged_ports())
        return known

    def _logged_ports(self) -> Iterator[tuple[int, str]]:
        """Where the last run says it found its servers: a node may use other ports than Truth."""
        for found in _MYSQL_LINE.finditer(self.log):
            yield int(found.group(1)), "mysql"
        for found in _TRUTH_LINE.finditer(self.log):
            yield int(found.group(1)), "system-redis"
        for found in _BUS_LINE.finditer(self.log):
            yield int(found.group(2)), found.group(1).lower().replace("_", "-")

    @cached_property
    def log(self) -> str:
        """The end of the log."""
        try:
            return "\n".join(last_window(self.folder.log, _LOG_BYTES).lines)
        except LogError:
            return ""

    def port_in(self, text: str) -> int | None:
        """The port that a text names, the first that is known before any other."""
        ports = [int(found.group(1)) for found in _ADDRESS.finditer(text)]
        return next((port for port in ports if port in self.ports), next(iter(ports), None))

    # The commit

    def source(self, path: str) -> str | None:
        """A file of the commit as text, None when it is not there or no text."""
        try:
            return self.repository.read(path).decode("utf-8", "replace")
        except RepositoryError:
            return None

    def line(self, path: str, number: int) -> str | None:
        """One line of a file of the commit, stripped."""
        lines = (self.source(path) or "").splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else None

    @cached_property
    def constants(self) -> Mapping[str, str]:
        """Names that the service's code gives to texts with a colon in them, as Redis keys have."""
        try:
            found = self.repository.grep(_CONSTANT, regex=True, paths=[self.root.rstrip("/")]).found
        except RepositoryError:
            return {}
        parsed = (re.search(_PARSED_CONSTANT, match.text) for match in found)
        return {match.group(1): match.group(2) for match in parsed if match}

    def imported_names(self, frame: Frame) -> tuple[str, ...]:
        """The names that the import at a frame asks for."""
        try:
            tree = ast.parse(self.source(likely_path(frame)) or "")
        except (SyntaxError, ValueError, RecursionError):
            return ()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.lineno <= frame.line <= (
                node.end_lineno or node.lineno
            ):
                return tuple(name.name for name in node.names)
        return ()


def _is_passed_on(error: CrashError, final: CrashError) -> bool:
    if error.relation == "cause":
        return True
    if error.relation != "context":
        return False
    return final.name in _GENERIC or bool(error.message and error.message.partition("\n")[0] in final.message)
