"""A patch: a tree that differs from its base in one service's folder only, by git's own word.

Edits and diffs are ways to say what shall change. Both end in a tree in the private
repository, and what git says that differs between it and the base is what is judged, and what
a `Patch` holds. Nothing outside this module makes one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.candidate import Start, start_from, store, tree_of_diff, tree_of_entries
from sandbox.caps import cap_diff, cap_edits, cap_result
from sandbox.diff import Change, diff_trees
from sandbox.edits import Edit, Version, apply_edits, check_kind
from sandbox.git import unquoted
from sandbox.history import Past, restorable
from sandbox.review import FindSecrets, Text, review, written_lines
from sandbox.scope import Refused, check_writable
from sandbox.tree import Entry
from sandbox.tree_rules import check_changes, check_place
from sandbox.worktree import PrivateRepository

__all__ = ["Edit", "Patch", "PatchedFile", "assembled", "from_diff", "from_edits"]

# Neither kind of line can be the content of a hunk, whatever its header says.
_MOVE_LINE = re.compile(rb"^(?:rename|copy) (?:from|to|old|new) (.*)", re.MULTILINE)
_BINARY_LINE = re.compile(rb"^GIT binary patch", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PatchedFile:
    """One changed file; `added` and `removed` count lines, 0 for a binary file."""

    path: str
    kind: Literal["added", "modified", "deleted"]
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Patch:
    """A validated change of one service. `base` is a commit's id, `tree` the resulting tree's.

    `diff` is what git makes of the two; `flags` are what a reviewer should look at.
    """

    service: str
    base: str
    tree: str
    diff: str
    files: tuple[PatchedFile, ...]
    flags: tuple[str, ...] = ()


def from_edits(
    repo: PrivateRepository,
    base: str,
    service: str,
    edits: Sequence[Edit],
    *,
    find_secrets: FindSecrets | None = None,
) -> Patch:
    """The patch that edits make of a service at the commit `base`.

    Raises:
        Refused: the edits do not fit or the result may not be; the message says what to do.
        GitError: there is no such commit.
        WorktreeError: the state folder cannot be written.
    """
    cap_edits(edits)
    start = start_from(repo, base, service)
    own = {path: entry for path, entry in start.listing.items() if path.startswith(f"services/{service}/")}
    for edit in edits:
        check_kind(edit)
    gone = {edit.path.removeprefix("./") for edit in edits if edit.delete}
    edits = [edit.model_copy(update={"path": check_place(edit.path, service, own, gone)}) for edit in edits]
    versions, past = restorable(start, edits)
    wanted = apply_edits(edits, _originals(start, edits), versions, own)
    entries = _entries(start, wanted)
    tree = tree_of_entries(start, entries)
    return _judged(start, tree, past=past, asked=entries.keys(), find_secrets=find_secrets)


def from_diff(
    repo: PrivateRepository,
    base: str,
    service: str,
    diff: str,
    *,
    find_secrets: FindSecrets | None = None,
) -> Patch:
    """The patch that a unified diff, written by a person, makes of a service at the commit `base`.

    Raises:
        Refused: the diff does not apply or the result may not be.
        GitError: there is no such commit.
        WorktreeError: the state folder cannot be written.
    """
    raw = cap_diff(diff)
    start = start_from(repo, base, service)
    _refuse_lines(raw, service)
    return _judged(start, tree_of_diff(start, raw), past=Past(), asked=None, find_secrets=find_secrets)


def _refuse_lines(diff: bytes, service: str) -> None:
    """What the resulting tree does not tell: where a file was taken from, and how large it unpacks."""
    if _BINARY_LINE.search(diff):
        raise Refused("binary", "The diff holds a binary file.")
    for match in _MOVE_LINE.finditer(diff):
        check_writable(unquoted(match[1]).decode("utf-8", "surrogateescape"), service)


def _judged(
    start: Start,
    tree: str,
    *,
    past: Past,
    asked: Collection[str] | None,
    find_secrets: FindSecrets | None,
) -> Patch:
    changes, diff = diff_trees(start.repository.git_dir, start.base, tree)
    if not changes:
        raise Refused("empty-patch", "The patch changes nothing.")
    check_changes(changes, start.listing, start.service, past.entries)
    unasked = [change.path for change in changes if asked is not None and change.path not in asked]
    if unasked:
        raise Refused("unasked-change", f"The edits would change {unasked[0]}, which none of them names.")
    texts = _texts(start, changes, past)
    cap_result(len(changes), written_lines(texts))
    found = review(texts, find_secrets)
    return assembled(start, tree, changes, diff, found)


def assembled(
    start: Start, tree: str, changes: Sequence[Change], diff: str, flags: tuple[str, ...] = ()
) -> Patch:
    """A patch out of a tree that was judged."""
    return Patch(start.service, start.base, tree, diff, tuple(map(_patched_file, changes)), flags)


def _patched_file(change: Change) -> PatchedFile:
    kind: Literal["added", "modified", "deleted"] = (
        "added" if change.added else "deleted" if change.deleted else "modified"
    )
    added, removed = sum(hunk.added for hunk in change.hunks), sum(hunk.removed for hunk in change.hunks)
    return PatchedFile(change.path, kind, added, removed)


def _texts(start: Start, changes: Sequence[Change], past: Past) -> list[Text]:
    sides = [entry for change in changes for entry in (change.old, change.new) if int(entry.mode)]
    found = dict(zip(sides, start.read(sides), strict=True))
    return [
        Text(
            change.path,
            found.get(change.old),
            found.get(change.new),
            restored=past.entries.get(change.path) == change.new,
            restored_from=past.contents.get(change.path),
        )
        for change in changes
    ]


def _originals(start: Start, edits: Sequence[Edit]) -> dict[str, Version]:
    found = {edit.path: start.listing[edit.path] for edit in edits if edit.path in start.listing}
    contents = start.read(found.values())
    return {
        path: Version(entry.mode, content)
        for (path, entry), content in zip(found.items(), contents, strict=True)
    }


def _entries(start: Start, wanted: Mapping[str, Version | None]) -> dict[str, Entry | None]:
    written = {path: version for path, version in wanted.items() if version is not None}
    ids = store(start, [version.content for version in written.values()])
    placed = {
        path: Entry(version.mode, oid) for (path, version), oid in zip(written.items(), ids, strict=True)
    }
    return {path: placed.get(path) for path in wanted}
