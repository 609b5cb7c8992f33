"""A fault's reference fix in the form in which a model would propose it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unidiff import Hunk, PatchSet

from sandbox.patch import Edit


def edits_of(diff: Path) -> list[Edit]:
    """The edits that a diff amounts to, one a hunk; each search text is a hunk's old lines."""
    return [edit for file in PatchSet(diff.read_text(encoding="utf-8")) for edit in _edits(file.path, file)]


def _edits(path: str, hunks: list[Hunk]) -> Iterator[Edit]:
    for hunk in hunks:
        old = "".join(line.value for line in hunk if line.is_context or line.is_removed)
        new = "".join(line.value for line in hunk if line.is_context or line.is_added)
        yield Edit(path=path, search=old, replace=new)
