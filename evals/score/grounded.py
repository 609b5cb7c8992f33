"""Whether a line of evidence stands where it says: in a log, at a place of the commit, in the snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from tools.incident import IncidentFolder
from tools.repository import FileMissing, Repository

_PLACE = re.compile(r"(?P<path>(?:services|shared|scripts|truth|docs)/[\w./-]+\.\w+)(?::(?P<line>\d+))?")
_LABEL = re.compile(r"^[^:]{0,40}\b(?:log|txt|line|snapshot|history|Truth|redis)\b[^:]{0,20}:[: ]+")
_ABSENT = re.compile(
    r"\b(?:is in no commit|(?:is|was) not there|not in the commit|does not exist|is missing)\b"
)
_QUOTED = re.compile(r"[`'\"“](.{8,}?)[`'\"”]")
_LEAST = 8


@dataclass(frozen=True)
class Ground:
    """What evidence may stand in: the incident's folder and its commit."""

    folder: IncidentFolder
    repository: Repository
    _lines: dict[str, list[str] | None] = field(default_factory=dict)

    def ungrounded(self, evidence: Iterable[str]) -> tuple[str, ...]:
        """The lines that are nowhere."""
        return tuple(line for line in evidence if not self.holds(line))

    def holds(self, line: str) -> bool:
        """Whether one line of evidence is true of the logs, the commit or the snapshot."""
        places = list(_PLACE.finditer(line))
        said = _squeezed(_LABEL.sub("", line))
        quotes = [said, *(_squeezed(quote) for quote in _QUOTED.findall(line))]
        if any(len(quote) >= _LEAST and self._told(quote) for quote in quotes):
            return True
        if _ABSENT.search(line):
            return self._is_absent(line, [place["path"] for place in places])
        if places:
            return all(self._there(place["path"], place["line"]) for place in places)
        return self._in_snapshot(line)

    def _there(self, path: str, line: str | None) -> bool:
        if path not in self._lines:
            try:
                content = self.repository.read(path).decode("utf-8", "replace")
                self._lines[path] = content.splitlines()
            except FileMissing:
                self._lines[path] = None
        found = self._lines[path]
        return found is not None and (line is None or 1 <= int(line) <= len(found))

    def _is_absent(self, line: str, paths: list[str]) -> bool:
        """What is said to be missing is missing: a file of the commit, or a captured key."""
        if paths:
            return not any(self._there(path, None) for path in paths)
        label, _, key = line.partition("redis: ")
        captured = self.folder.redis_values()
        return not label and bool(key) and not any(key.split()[0] in values for values in captured.values())

    def _told(self, text: str) -> bool:
        return any(text in place for place in self._texts)

    def _in_snapshot(self, line: str) -> bool:
        label, _, name = line.partition("snapshot: ")
        part = name.partition(":")[0].strip()
        return bool(name) and not label.strip() and part.removeprefix("no ") in self._parts

    @cached_property
    def _parts(self) -> set[str]:
        seen = self.folder.snapshot()
        return {*seen.redis, *seen.heartbeats, *seen.http_health, "mysql", "disk"}

    @cached_property
    def _texts(self) -> list[str]:
        folder = self.folder.path
        files = [self.folder.log, *sorted((folder / "logs").glob("*.txt"))]
        files += [folder / name for name in ("redis.json", "truth.json", "snapshot.json", "messages.jsonl")]
        return [_squeezed(file.read_text(encoding="utf-8")) for file in files if file.exists()]


def _squeezed(text: str) -> str:
    return " ".join(text.split())
