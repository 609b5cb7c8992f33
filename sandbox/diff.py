"""The canonical diff that git makes of two trees, read back: changed entries and their hunks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.git import git
from sandbox.tree import Entry

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
ABSENT = "000000"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Line ranges of one hunk, 0-based and end-exclusive, in the old and the new file."""

    old: tuple[int, int]
    new: tuple[int, int]
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs between two trees. An absent side has the mode `000000`."""

    path: str
    old: Entry
    new: Entry
    hunks: tuple[Hunk, ...] = ()

    @property
    def added(self) -> bool:
        """The path is only in the new tree."""
        return self.old.mode == ABSENT

    @property
    def deleted(self) -> bool:
        """The path is only in the old tree."""
        return self.new.mode == ABSENT


def diff_trees(git_dir: Path, base: str, tree: str) -> tuple[tuple[Change, ...], str]:
    """What differs, and the unified diff of it. A path is never taken from the diff's text.

    Raises:
        GitError: a tree or a changed blob is missing.
    """
    output = git(
        git_dir,
        *("diff-tree", "-r", "-z", "--raw", "--patch", "--no-renames", "--full-index", "--binary"),
        *("--no-ext-diff", "--no-textconv", "--no-color", base, tree),
    )
    if not output:
        return (), ""
    raw, _, text = output.partition(b"\0\0")
    fields = raw.decode("utf-8", "surrogateescape").split("\0")
    changes = [_change(head, path) for head, path in zip(fields[::2], fields[1::2], strict=True)]
    sections = _sections(text)
    if len(sections) == len(changes):
        changes = [
            Change(change.path, change.old, change.new, hunks)
            for change, hunks in zip(changes, sections, strict=True)
        ]
    return tuple(changes), text.decode("utf-8", "replace")


def _change(head: str, path: str) -> Change:
    old_mode, new_mode, old, new, _ = head.removeprefix(":").split(" ")
    return Change(path, Entry(old_mode, old), Entry(new_mode, new))


def _sections(text: bytes) -> list[tuple[Hunk, ...]]:
    """The hunks of each file, in the order of the files."""
    sections: list[list[Hunk]] = []
    lines = iter(text.split(b"\n"))
    for line in lines:
        if line.startswith(b"diff --git "):
            sections.append([])
        elif match := _HUNK.match(line):
            numbers = [1 if group is None else int(group) for group in match.groups()]
            sections[-1].append(_hunk(numbers, lines))
    return [tuple(section) for section in sections]


def _hunk(numbers: list[int], lines: Iterator[bytes]) -> Hunk:
    old_start, old_count, new_start, new_count = numbers
    old_left, new_left, added, removed = old_count, new_count, 0, 0
    while old_left > 0 or new_left > 0:
        mark = next(lines)[:1]
        old_left -= mark in b" -" and mark != b""
        new_left -= mark in b" +" and mark != b""
        added += mark == b"+"
        removed += mark == b"-"
    # With no line on a side, git names the line before the place.
    old_first = old_start - (old_count > 0)
    new_first = new_start - (new_count > 0)
    return Hunk((old_first, old_first + old_count), (new_first, new_first + new_count), added, removed)
