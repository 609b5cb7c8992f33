"""A unified diff as rows for two columns: what was on the left, what is on the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from unidiff import Hunk, PatchedFile, PatchSet
from unidiff.errors import UnidiffParseError
from unidiff.patch import Line

MOST_LINES = 3000
"""A diff with more lines is not laid out: the file is there to be read by other means."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of one side, in three parts of which the middle one is what changed within the line."""

    number: int
    before: str
    changed: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line on both sides. A side is None where the other one has no counterpart."""

    left: Cell | None
    right: Cell | None
    same: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One hunk: where it is, and its rows."""

    place: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file of the diff. Counts are lines."""

    path: str
    kind: Literal["added", "deleted", "modified"]
    added: int
    removed: int
    sections: tuple[Section, ...]


def side_by_side(diff: str) -> tuple[FileDiff, ...] | None:
    """The files of a diff in git's form; None where it is too long or cannot be laid out."""
    if diff.count("\n") > MOST_LINES:
        return None
    try:
        return tuple(_file(file) for file in PatchSet(diff))
    except UnidiffParseError:
        return None


def _file(file: PatchedFile) -> FileDiff:
    kind: Literal["added", "deleted", "modified"] = "modified"
    if file.is_added_file:
        kind = "added"
    elif file.is_removed_file:
        kind = "deleted"
    return FileDiff(file.path, kind, file.added, file.removed, tuple(_section(hunk) for hunk in file))


def _section(hunk: Hunk) -> Section:
    line = hunk.target_start or hunk.source_start
    title = hunk.section_header.strip().rstrip(":")
    return Section(f"line {line}{f', in {title}' if title else ''}", tuple(_rows(hunk)))


def _rows(hunk: Iterable[Line]) -> Iterator[Row]:
    removed: list[Line] = []
    added: list[Line] = []
    for line in hunk:
        if line.is_removed:
            removed.append(line)
        elif line.is_added:
            added.append(line)
        elif line.is_context:
            yield from _pairs(removed, added)
            removed, added = [], []
            text = _text(line)
            yield Row(Cell(line.source_line_no or 0, text), Cell(line.target_line_no or 0, text), True)
    yield from _pairs(removed, added)


def _pairs(removed: list[Line], added: list[Line]) -> Iterator[Row]:
    for old, new in zip_longest(removed, added):
        if old is None or new is None:
            left = Cell(old.source_line_no or 0, _text(old)) if old is not None else None
            right = Cell(new.target_line_no or 0, _text(new)) if new is not None else None
            yield Row(left, right, False)
        else:
            was, now = _marked(_text(old), _text(new))
            yield Row(Cell(old.source_line_no or 0, *was), Cell(new.target_line_no or 0, *now), False)


def _marked(old: str, new: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Both lines cut into what is equal at the start, what differs, what is equal at the end."""
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    return _cut(old, start, end), _cut(new, start, end)


def _alike(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(text: str, start: int, end: int) -> tuple[str, str, str]:
    stop = len(text) - end
    return text[:start], text[start:stop], text[stop:]


def _text(line: Line) -> str:
    return str(line.value).rstrip("\r\n")
