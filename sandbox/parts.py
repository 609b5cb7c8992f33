"""Patches out of a patch: without one hunk, with its new tests alone, on another base."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from sandbox.candidate import Start, start_from, store, tree_of_entries
from sandbox.diff import Change, diff_trees
from sandbox.git import blobs
from sandbox.patch import Patch, assembled
from sandbox.review import is_test
from sandbox.said import Piece, pieces
from sandbox.scope import Refused
from sandbox.tree import Entry
from sandbox.tree_rules import check_changes
from sandbox.worktree import PrivateRepository

Range = tuple[int, int]
_MOST = 12
"""Of so many runs in a file each is tried by itself; of more, git's own hunks are."""


def hunks(repo: PrivateRepository, patch: Patch) -> tuple[Patch, ...]:
    """For each run of changed lines outside of tests, the patch without it; a file with none counts as one.

    A variant may be empty: then its tree is the base's. One that the gate's rules on trees refuse
    is left out.

    Raises:
        GitError: the patch is not of this repository.
    """
    start = start_from(repo, patch.base, patch.service)
    changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
    whole = {change.path: None if change.deleted else change.new for change in changes}
    variants = []
    for change in changes:
        for entry in [] if is_test(change.path) else _without_each_hunk(start, change):
            with contextlib.suppress(Refused):
                variants.append(_variant(start, {**whole, change.path: entry}, whole))
    return tuple(variants)


def tests_only(repo: PrivateRepository, patch: Patch) -> Patch | None:
    """The base with nothing but the test files that the patch adds; None if it adds none.

    Raises:
        GitError: the patch is not of this repository.
    """
    start = start_from(repo, patch.base, patch.service)
    changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
    tests = {change.path: change.new for change in changes if change.added and is_test(change.path)}
    return _variant(start, tests, tests) if tests else None


def rebase(repo: PrivateRepository, patch: Patch, onto: str) -> Patch:
    """The same files on another base commit, where that has what they were made from.

    Raises:
        Refused: `base-moved`: the new base differs in a file that the patch changes.
        GitError: there is no such commit.
    """
    start = start_from(repo, onto, patch.service)
    changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
    for change in changes:
        if start.listing.get(change.path) != (None if change.added else change.old):
            raise Refused(
                "base-moved",
                f"{change.path} is not what it was when the patch was made; make it again on {onto}.",
            )
    entries = {change.path: None if change.deleted else change.new for change in changes}
    variant = _variant(start, entries, entries)
    return replace(variant, flags=patch.flags)


def recheck(repo: PrivateRepository, patch: Patch) -> None:
    """Ask the rules on trees once more of a patch that is about to leave.

    Raises:
        Refused: its tree is not what a patch may be.
    """
    start = start_from(repo, patch.base, patch.service)
    changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
    if not changes:
        raise Refused("empty-patch", "The patch changes nothing.")
    check_changes(changes, start.listing, start.service, {change.path: change.new for change in changes})


def contents(repo: PrivateRepository, patch: Patch) -> dict[str, bytes]:
    """What the files hold that the patch adds or changes, by path."""
    changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
    placed = {change.path: change.new for change in changes if not change.deleted}
    found = blobs(repo.git_dir, [entry.oid for entry in placed.values()])
    return dict(zip(placed, found, strict=True))


def _without_each_hunk(start: Start, change: Change) -> list[Entry | None]:
    if change.added:
        return [None]
    if change.deleted or not change.hunks:
        return [change.old]
    old, new = (io.BytesIO(content).readlines() for content in start.read([change.old, change.new]))
    runs = list(_runs(change.path, old, new))
    if len(runs) > _MOST:
        runs = [(hunk.old, hunk.new) for hunk in change.hunks]
    if len(runs) < 2:
        return [change.old]
    contents = [
        b"".join([*new[:start_], *old[first:last], *new[end:]]) for (first, last), (start_, end) in runs
    ]
    return [Entry(change.new.mode, oid) for oid in store(start, contents)]


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


def _variant(start: Start, entries: Mapping[str, Entry | None], judged: Mapping[str, Entry | None]) -> Patch:
    """A patch out of files of one that was judged before: only the rules on trees are asked again."""
    tree = tree_of_entries(start, entries)
    changes, diff = diff_trees(start.repository.git_dir, start.base, tree)
    check_changes(changes, start.listing, start.service, judged)
    return assembled(start, tree, changes, diff)
