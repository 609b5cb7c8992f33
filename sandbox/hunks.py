"""The runs of changed lines of a patch, and the patch without some of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from sandbox.candidate import Start, start_from, store
from sandbox.diff import Change, diff_trees
from sandbox.parts import variant_of
from sandbox.patch import Patch
from sandbox.review import is_test
from sandbox.said import Piece, pieces
from sandbox.scope import Refused
from sandbox.tree import Entry
from sandbox.worktree import PrivateRepository

Range = tuple[int, int]
_WHOLE: Range = (0, 0)


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Lines of the base and of the patch; a file that is added, deleted or is no text counts as one."""

    change: Change
    old: Range = _WHOLE
    new: Range = _WHOLE


class Hunks:
    """The hunks of a patch outside of tests: runs of changed lines, apart by any statement that stays.

    Raises (from all that it does):
        GitError: the patch is not of this repository.
    """

    def __init__(self, repo: PrivateRepository, patch: Patch) -> None:
        self._start = start_from(repo, patch.base, patch.service)
        changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
        self._whole = {change.path: None if change.deleted else change.new for change in changes}
        self._hunks = [
            each for change in changes if not is_test(change.path) for each in _of(self._start, change)
        ]

    def __len__(self) -> int:
        return len(self._hunks)

    def place(self, number: int) -> str:
        """Where one begins in the patch's files, as `path:line`; of one that is a whole file its path."""
        hunk = self._hunks[number]
        return hunk.change.path if hunk.new == hunk.old == _WHOLE else f"{hunk.change.path}:{hunk.new[0] + 1}"

    def without(self, *numbers: int) -> Patch | None:
        """The patch without some of them, by number from 0; None where the gate's rules on trees refuse that.

        It may be empty: then its tree is the base's.
        """
        gone: dict[str, list[_Hunk]] = {}
        for number in numbers:
            hunk = self._hunks[number]
            gone.setdefault(hunk.change.path, []).append(hunk)
        entries = {path: self._less(hunks) for path, hunks in gone.items()}
        try:
            return variant_of(self._start, {**self._whole, **entries}, self._whole)
        except Refused:
            return None

    def _less(self, gone: list[_Hunk]) -> Entry | None:
        """A file without some of its hunks; None where it is not there then."""
        change = gone[0].change
        if change.added:
            return None
        if len(gone) == sum(hunk.change is change for hunk in self._hunks):
            return change.old
        old, new = _lines(self._start, change)
        for hunk in sorted(gone, key=lambda each: each.new, reverse=True):
            new[slice(*hunk.new)] = old[slice(*hunk.old)]
        (oid,) = store(self._start, [b"".join(new)])
        return Entry(change.new.mode, oid)


def hunks(repo: PrivateRepository, patch: Patch) -> tuple[Patch, ...]:
    """For each hunk the patch without it, but for those that the gate's rules on trees refuse.

    Raises:
        GitError: the patch is not of this repository.
    """
    every = Hunks(repo, patch)
    return tuple(less for number in range(len(every)) if (less := every.without(number)) is not None)


def _of(start: Start, change: Change) -> list[_Hunk]:
    if change.added or change.deleted or not change.hunks:
        return [_Hunk(change)]
    old, new = _lines(start, change)
    return [_Hunk(change, *ranges) for ranges in _runs(change.path, old, new)] or [_Hunk(change)]


def _lines(start: Start, change: Change) -> tuple[list[bytes], list[bytes]]:
    old, new = (io.BytesIO(content).readlines() for content in start.read([change.old, change.new]))
    return old, new


def _runs(path: str, old: list[bytes], new: list[bytes]) -> Iterator[tuple[Range, Range]]:
    """The runs of lines that say something else, apart by any statement that stays; not comments only."""
    before, after = pieces(path, old), pieces(path, new)
    matcher = SequenceMatcher(None, [one.said for one in before], [one.said for one in after], autojunk=False)
    for kind, begin, end, since, until in matcher.get_opcodes():
        changed = [*before[begin:end], *after[since:until]]
        if kind != "equal" and not all(_is_said(one.said) for one in changed):
            yield _range(before, begin, end), _range(after, since, until)


def _range(found: list[Piece], first: int, last: int) -> Range:
    """The lines of some pieces; between two of them where there are none."""
    start = found[first].start if first < len(found) else (found[-1].end if found else 0)
    return start, (found[last - 1].end if last > first else start)


def _is_said(line: bytes) -> bool:
    """Whether a line says something to people only, or nothing."""
    return line.lstrip().startswith((b"#", b"//")) or not line.strip()
