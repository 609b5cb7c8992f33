"""Numbered raw lines of a log: its end, or what surrounds a crash."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.logs.crash import Crash
from tools.logs.tail import READ_CAP, Window, last_window, open_log

LINE_CHARACTERS = 500
"""A longer line is shown with its two ends only."""

_BYTES = 1 << 20
_PAGED_BYTES = 8 << 20
_NUMBER = 12
_CONTEXT = 120
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a log from number `first` on; `focus` is the number of the line that matters most.

    `counted` says from where the numbers count, `more_above` whether there are earlier lines;
    `context` are some of these, for a reader that has to see where something began.
    """

    lines: tuple[str, ...]
    first: int
    focus: int
    counted: str
    more_above: bool
    context: tuple[str, ...] = ()

    def fitting(self, lines: Sequence[str], room: int) -> list[tuple[int, str]]:
        """As many of `lines`, with their numbers, as fit in `room` characters around the focus.

        `lines` are the lines of the excerpt, redacted. A quarter of the room is kept for what is
        above the focus.
        """
        if not lines:
            return []
        costs = [min(len(line), LINE_CHARACTERS) + _NUMBER for line in lines]
        low = high = min(max(self.focus - self.first, 0), len(lines) - 1)
        room -= costs[low]
        low, above = _upwards(costs, low, room // 4)
        high, room = _downwards(costs, high, room - room // 4 + above)
        low, _ = _upwards(costs, low, room)
        return [(self.first + index, _cut(lines[index])) for index in range(low, high + 1)]


def around(path: Path, crash: Crash, count: int) -> Excerpt:
    """`count` lines around a crash of this log.

    Raises:
        LogError: there is no log.
    """
    window = last_window(path, _BYTES)
    at = max(0, bisect_right(window.starts, crash.offset) - 1)
    length = crash.text.count("\n") + 1
    above = max(min(5, count // 3), (count - length) // 2)
    low = max(0, min(at - above, len(window.lines) - count))
    return _excerpt(path, window, low, low + count, at)


def end_of(path: Path, count: int, before: int | None = None) -> Excerpt:
    """The last `count` lines, or the last ones above line number `before`.

    Raises:
        LogError: there is no log.
    """
    window = last_window(path, _BYTES if before is None else _PAGED_BYTES)
    first, _ = _numbering(path, window)
    high = len(window.lines) if before is None else max(0, min(before - first, len(window.lines)))
    return _excerpt(path, window, max(0, high - count), high, high - 1)


def _excerpt(path: Path, window: Window, low: int, high: int, focus: int) -> Excerpt:
    first, counted = _numbering(path, window)
    above = low > 0 or not window.complete
    context = window.lines[max(0, low - _CONTEXT) : low]
    return Excerpt(window.lines[low:high], first + low, first + focus, counted, above, context)


def _numbering(path: Path, window: Window) -> tuple[int, str]:
    """The number of the window's first line, and from where it counts.

    Lines of a huge log are not counted: that would mean to read it.
    """
    start = window.starts[0] if window.starts else 0
    if start > READ_CAP:
        return 1, f"counted from {start} bytes into the log"
    return 1 + _newlines(path, start), "of the log"


def _newlines(path: Path, end: int) -> int:
    if not end:
        return 0
    descriptor = open_log(path)
    try:
        return sum(
            os.pread(descriptor, min(_BLOCK, end - at), at).count(b"\n") for at in range(0, end, _BLOCK)
        )
    finally:
        os.close(descriptor)


def _upwards(costs: Sequence[int], low: int, room: int) -> tuple[int, int]:
    while low > 0 and costs[low - 1] <= room:
        low -= 1
        room -= costs[low]
    return low, room


def _downwards(costs: Sequence[int], high: int, room: int) -> tuple[int, int]:
    while high < len(costs) - 1 and costs[high + 1] <= room:
        high += 1
        room -= costs[high]
    return high, room


def _cut(line: str) -> str:
    if len(line) <= LINE_CHARACTERS:
        return line
    keep = LINE_CHARACTERS // 2 - 30
    return f"{line[:keep]} [... {len(line) - 2 * keep} characters of this line cut ...] {line[-keep:]}"
