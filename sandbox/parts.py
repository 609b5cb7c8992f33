"""Patches out of a patch: with its new tests alone, or on another base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sandbox.candidate import Start, start_from, tree_of_entries
from sandbox.diff import diff_trees
from sandbox.git import blobs
from sandbox.patch import Patch, assembled
from sandbox.review import is_test
from sandbox.scope import Refused
from sandbox.tree import Entry
from sandbox.tree_rules import check_changes
from sandbox.worktree import PrivateRepository


def tests_only(repo: PrivateRepository, patch: Patch) -> Patch | None:
    """The base with nothing but the test files that the patch adds; None if it adds none.

    Raises:
        GitError: the patch is not of this repository.
    """
    start = start_from(repo, patch.base, patch.service)
    changes, _ = diff_trees(repo.git_dir, patch.base, patch.tree)
    tests = {change.path: change.new for change in changes if change.added and is_test(change.path)}
    return variant_of(start, tests, tests) if tests else None


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
    variant = variant_of(start, entries, entries)
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


def variant_of(
    start: Start, entries: Mapping[str, Entry | None], judged: Mapping[str, Entry | None]
) -> Patch:
    """A patch out of files of one that was judged before: only the rules on trees are asked again."""
    tree = tree_of_entries(start, entries)
    changes, diff = diff_trees(start.repository.git_dir, start.base, tree)
    check_changes(changes, start.listing, start.service, judged)
    return assembled(start, tree, changes, diff)
