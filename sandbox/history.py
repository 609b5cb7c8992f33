"""Files that an edit restores: as a commit in the history of the base had them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.candidate import Start
from sandbox.edits import Edit, Version
from sandbox.git import GitError, git
from sandbox.scope import Refused
from sandbox.tree import Entry, list_tree

_COMMIT = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True)
class Past:
    """What a commit of the history has at paths that edits restore."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)


def restorable(start: Start, edits: Sequence[Edit]) -> tuple[dict[tuple[str, str], Version], Past]:
    """The versions that edits restore, as far as the base's own history has them."""
    entries: dict[tuple[str, str], Entry] = {}
    for edit in edits:
        if edit.restore is not None:
            entries[edit.path, edit.restore] = _lost_entry(start, edit.path, edit.restore)
    contents = dict(zip(entries, start.read(entries.values()), strict=True))
    versions = {key: Version(entry.mode, contents[key]) for key, entry in entries.items()}
    past = Past(
        {path: entry for (path, _), entry in entries.items()},
        {path: content for (path, _), content in contents.items()},
    )
    return versions, past


def _lost_entry(start: Start, path: str, commit: str) -> Entry:
    repo = start.repository
    if not _COMMIT.fullmatch(commit):
        raise Refused("restore-commit", f"{commit!r} is no commit id; give 7 or more hex digits.")
    try:
        found = repo.resolve(commit)
        # Asked of the target: the history of a shallow clone ends where only its own files say.
        git(repo.located.git_dir, "merge-base", "--is-ancestor", found, start.base)
    except GitError:
        raise Refused("restore-commit", f"{commit} is no commit in the history of the base commit.") from None
    entry = list_tree(repo.git_dir, found, [path]).get(path)
    if entry is None:
        raise Refused("restore-missing", f"Commit {commit} has no file {path}; an earlier one may.")
    if not entry.mode.startswith("100"):
        raise Refused("mode-symlink", f"Commit {commit} has no plain file at {path}.")
    return entry
