"""From two texts of a file to edits: whole lines, each search text only once in the file."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

REDACTED = "[REDACTED:"
CUT = " more characters in this line]"
"""How read_file shows what is not the file's own text: such lines cannot be searched for."""


class NotWritable(Exception):
    """The change touches text that was not shown as it is."""


def edits_between(path: str, old: str, new: str) -> list[dict[str, Any]]:
    """Edits that turn `old` into `new`, to be applied in their order.

    Raises:
        NotWritable: a changed line, or one needed to tell it from others, is redacted or cut.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    made = []
    current = list(before)
    changes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for tag, start, end, first, last in reversed(changes):
        if tag == "equal":
            continue
        made.append(edit(path, *_unique(current, start, end, after[first:last])))
        current[start:end] = after[first:last]
    return made


def new_file(path: str, text: str) -> dict[str, Any]:
    """The edit that adds a file."""
    return edit(path, None, text)


def restored(path: str, commit: str) -> dict[str, Any]:
    """The edit that brings a file back as it was."""
    return {**edit(path, None, None), "restore": commit}


def edit(path: str, search: str | None, replace: str | None) -> dict[str, Any]:
    return {"path": path, "search": search, "replace": replace, "restore": None, "delete": None}


def _unique(lines: list[str], start: int, end: int, new: list[str]) -> tuple[str, str]:
    """Search and replace texts, with as many lines around the change as it takes to find it once."""
    whole = "".join(lines)
    around = 0
    while True:
        top, bottom = max(0, start - around), min(len(lines), end + around)
        search = "".join(lines[top:bottom])
        if search and whole.find(search) == whole.rfind(search):
            break
        if (top, bottom) == (0, len(lines)):
            raise NotWritable("the change cannot be told from its surroundings")
        around += 1
    replace = "".join([*lines[top:start], *new, *lines[end:bottom]])
    if any(mark in text for mark in (REDACTED, CUT) for text in (search, replace)):
        raise NotWritable("the change touches a line that was not shown as it is")
    return search, replace
