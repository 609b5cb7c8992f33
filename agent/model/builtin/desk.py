"""The tools as the rules use them: whole files, matches, proposals, tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.model.builtin.talk import Asking, Call

_PAGE = re.compile(r"^(?P<title>.+), lines (?P<first>\d+) to (?P<last>\d+) of (?P<count>\d+):$")
_LINE = re.compile(r"^ {0,4}(\d+)  (.*)$")
_MATCH = re.compile(r"^(?P<path>[^\s:][^:]*):(?P<line>\d+): (?P<text>.*)$")
_LAST_WITH = re.compile(r"the last commit with it is ([0-9a-f]{7,40})\.")
_NEAREST = re.compile(r"Nearest names: (.+?)\.?$", re.MULTILINE)
PAGES = 6
"""The most pages of one file that are read: some 600 lines, or 1,200 short ones."""


@dataclass(frozen=True, slots=True)
class Match:
    """One line that grep_services found; the text is stripped."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a file could not be read, and what the answer says about where it is."""

    why: str

    @property
    def last_commit(self) -> str | None:
        """The commit of history that still has the file."""
        found = _LAST_WITH.search(self.why)
        return found.group(1) if found else None

    @property
    def nearest(self) -> tuple[str, ...]:
        """Names like it that exist."""
        found = _NEAREST.search(self.why)
        return tuple(name.strip() for name in found.group(1).split(",")) if found else ()


@dataclass(slots=True)
class Desk:
    """Asks the tools, and remembers what was read. Its methods are procedures: see `talk`."""

    files: dict[tuple[str, str | None], str | Absent] = field(default_factory=dict)

    def read(self, path: str, commit: str | None = None) -> Asking[str | Absent]:
        """A whole file as it is in the incident's commit or in another one."""
        key = (path, commit)
        if key not in self.files:
            self.files[key] = yield from self._read(path, commit)
        return self.files[key]

    def _read(self, path: str, commit: str | None) -> Asking[str | Absent]:
        lines: list[str] = []
        for _ in range(PAGES):
            wanted = {"path": path, "start": len(lines) + 1 if lines else None, "end": None, "commit": commit}
            (answer,) = yield (Call("read_file", wanted),)
            head = _PAGE.match(answer.partition("\n")[0])
            if head is None:
                return "" if answer.endswith(" is empty") else Absent(answer)
            shown = [found for line in answer.splitlines()[1:] if (found := _LINE.match(line))]
            lines += [found.group(2) for found in shown]
            if len(lines) >= int(head["count"]):
                return "\n".join(lines) + "\n"
            if not shown:
                break
        return Absent(f"{path} is too long to be read whole")

    def grep(self, pattern: str, *, regex: bool = True, path: str | None = None) -> Asking[list[Match]]:
        """The lines that match; none where the search was refused."""
        (answer,) = yield (Call("grep_services", {"pattern": pattern, "regex": regex, "path": path}),)
        found = (_MATCH.match(line) for line in answer.splitlines()[1:])
        return [Match(one["path"], int(one["line"]), one["text"]) for one in found if one]

    def propose(self, edits: Sequence[dict[str, Any]], reason: str) -> Asking[str]:
        """What the gate and the replay say about a patch."""
        (answer,) = yield (Call("propose_patch", {"edits": list(edits), "reason": reason}),)
        return answer

    def test(self, select: Sequence[str], on: str) -> Asking[str]:
        """What the tests say."""
        (answer,) = yield (Call("run_pytest", {"select": list(select), "on": on}),)
        return answer
