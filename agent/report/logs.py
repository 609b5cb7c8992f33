"""The log around the crash, line by line, with what matters in it marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.logs import Crash, Frame, LogError
from tools.logs.excerpt import LINE_CHARACTERS, around

LINES = 40

Mark = Literal["", "crash", "culprit"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One numbered line. `crash` lines show the crash, the `culprit` ones the frame that is at fault."""

    number: int
    text: str
    mark: Mark


def log_lines(path: Path, crash: Crash, service: str, clean: Callable[[str], str]) -> tuple[LogLine, ...]:
    """The lines around a crash, cleaned as one text: a secret may span several lines."""
    try:
        excerpt = around(path, crash, LINES)
    except LogError:
        return ()
    whole = clean("\n".join([*excerpt.context, *excerpt.lines])).split("\n")
    cleaned = whole[len(excerpt.context) :]
    last = excerpt.focus + crash.text.rstrip("\n").count("\n")
    culprits = set(_culprit_lines(excerpt.lines, excerpt.first, excerpt.focus, last, crash.culprit(service)))
    return tuple(
        LogLine(number, _short(text), _mark(number, excerpt.focus, last, culprits))
        for number, text in enumerate(cleaned, excerpt.first)
    )


def _mark(number: int, first: int, last: int, culprits: set[int]) -> Mark:
    if number in culprits:
        return "culprit"
    return "crash" if first <= number <= last else ""


def _culprit_lines(
    lines: tuple[str, ...], first: int, focus: int, last: int, culprit: Frame | None
) -> Iterator[int]:
    """The frame's own line in the crash, and the line of source that was logged below it."""
    if culprit is None:
        return
    places = (f'"{culprit.path}", line {culprit.line},', f"{culprit.path}:{culprit.line}")
    numbered = list(enumerate(lines, first))
    for number, line in numbered:
        if focus <= number <= last and any(place in line for place in places):
            yield number
            below = lines[number + 1 - first] if number + 1 - first < len(lines) else ""
            if culprit.code and culprit.code.strip() in below:
                yield number + 1


def _short(text: str) -> str:
    return text if len(text) <= LINE_CHARACTERS else f"{text[:LINE_CHARACTERS]} [...]"
