"""Log prefixes that stand before every line of a traceback."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

HEADER = "Traceback (most recent call last):"
FRAME_START = re.compile(r'[ |]*File "[^"]{1,1000}", line \d')
_LOOK_AHEAD = 12


@dataclass(frozen=True, slots=True)
class Prefix:
    """A log prefix that stands before every line of a traceback, by its shape."""

    shape: str
    length: int

    def strip(self, line: str) -> str | None:
        if _shape(line[: self.length]) == self.shape:
            return line[self.length :]
        return None


def _shape(text: str) -> str:
    return re.sub(r"[0-9]", "0", text)


def prefix_of_every_line(lines: Sequence[str], start: int) -> Prefix | None:
    """The prefix of every line, where the frames after a prefixed header carry it too."""
    head, marker, _ = lines[start].partition(HEADER)
    if not marker:
        return None
    head = head.removesuffix("Exception Group ")
    stripped = head.rstrip(" +|")
    if not stripped:
        return None
    length = len(stripped) + (1 if head[len(stripped) :].startswith(" ") else 0)
    prefix = Prefix(_shape(head[:length]), length)
    for line in lines[start + 1 : start + 1 + _LOOK_AHEAD]:
        text = prefix.strip(line)
        if text is not None and FRAME_START.match(text):
            return prefix
        if FRAME_START.match(line):
            return None
    return None
