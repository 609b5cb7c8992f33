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
PAGES = 6
"""The most pages of one file that are read: some 600 lines, or 1,200 short ones."""
LOG_LINES = 120


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


@dataclass(slots=True)
class Desk:
    """Asks the tools, and remembers what was read. Its methods are procedures: see `talk`."""

    files: dict[tuple[str, str | None], str | Absent] = field(default_factory=dict)
    matches: dict[tuple[str, bool, str | None], list[Match]] = field(default_factory=dict)
    end_of_log: str | None = None

    def read(self, path: str, commit: str | None = None) -> Asking[str | Absent]:
        """A whole file as it is in the incident's commit or in another one."""
        key = (path, commit)
        if key not in self.files:
            self.files[key] = yield from self._read(path, commit)
        return self.files[key]

    def look(self, wanted: Sequence[tuple[str, str | None]]) -> Asking[None]:
        """Read several files with one request; what is longer than a page is left for `read`."""
        new = [key for key in dict.fromkeys(wanted) if key not in self.files]
        if not new:
            return
        answers = yield tuple(_page(path, commit, None) for path, commit in new)
        for key, answer in zip(new, answers, strict=True):
            lines, count = _lines(answer)
            if count is None or len(lines) >= count:
                self.files[key] = _whole(answer, lines, count)

    def _read(self, path: str, commit: str | None) -> Asking[str | Absent]:
        lines: list[str] = []
        for _ in range(PAGES):
            (answer,) = yield (_page(path, commit, len(lines) + 1 if lines else None),)
            shown, count = _lines(answer)
            lines += shown
            if count is None or len(lines) >= count:
                return _whole(answer, lines, count)
            if not shown:
                break
        return Absent(f"{path} is too long to be read whole")

    def grep(self, pattern: str, *, regex: bool = True, path: str | None = None) -> Asking[list[Match]]:
        """The lines that match; none where the search was refused."""
        key = (pattern, regex, path)
        if key not in self.matches:
            (answer,) = yield (Call("grep_services", {"pattern": pattern, "regex": regex, "path": path}),)
            found = (_MATCH.match(line) for line in answer.splitlines()[1:])
            self.matches[key] = [Match(one["path"], int(one["line"]), one["text"]) for one in found if one]
        return self.matches[key]

    def log(self) -> Asking[str]:
        """The end of the service's log, as its lines are numbered by the tool."""
        if self.end_of_log is None:
            asked = {"service": None, "part": "end", "lines": LOG_LINES, "before": None}
            (self.end_of_log,) = yield (Call("read_log", asked),)
        return self.end_of_log

    def propose(self, edits: Sequence[dict[str, Any]], reason: str) -> Asking[str]:
        """What the gate and the replay say about a patch."""
        (answer,) = yield (Call("propose_patch", {"edits": list(edits), "reason": reason}),)
        return answer

    def test(self, select: Sequence[str], on: str) -> Asking[str]:
        """What the tests say."""
        (answer,) = yield (Call("run_pytest", {"select": list(select), "on": on}),)
        return answer


def _page(path: str, commit: str | None, start: int | None) -> Call:
    return Call("read_file", {"path": path, "start": start, "end": None, "commit": commit})


def _lines(answer: str) -> tuple[list[str], int | None]:
    """The lines that an answer shows, and how many the file has; None where it shows no file."""
    head = _PAGE.match(answer.partition("\n")[0])
    if head is None:
        return [], None
    found = (_LINE.match(line) for line in answer.splitlines()[1:])
    return [one.group(2) for one in found if one], int(head["count"])


def _whole(answer: str, lines: list[str], count: int | None) -> str | Absent:
    if count is None:
        return "" if answer.endswith(" is empty") else Absent(answer)
    return "\n".join(lines) + "\n"
