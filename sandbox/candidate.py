"""A tree that a patch proposes: written into the private repository by a temporary index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.git import GitError, blobs, git
from sandbox.nearest import numbered
from sandbox.scope import Refused
from sandbox.tree import Entry, Listing
from sandbox.tree_rules import check_base
from sandbox.worktree import PrivateRepository

_FAILED_AT = re.compile(r"patch failed: (.+?):(\d+)")


@dataclass(frozen=True, slots=True)
class Start:
    """What a patch starts from: a service at a commit, and everything that the commit holds."""

    repository: PrivateRepository
    base: str
    service: str
    listing: Listing

    def read(self, entries: Iterable[Entry]) -> list[bytes]:
        """The contents of files, in order.

        Raises:
            Refused: `file-unreadable`: a blob is missing from the clone, or too large.
        """
        try:
            return list(blobs(self.repository.git_dir, [entry.oid for entry in entries]))
        except GitError as error:
            raise Refused(
                "file-unreadable", f"A file that the patch touches cannot be read: {error}"
            ) from error


def start_from(repo: PrivateRepository, base: str, service: str) -> Start:
    """The start of a patch for `service` at the commit `base`.

    Raises:
        Refused: the commit has no such service, or not as a real folder.
        GitError: there is no such commit.
    """
    commit = repo.resolve(base)
    listing = repo.listing(commit)
    check_base(listing, service)
    return Start(repo, commit, service, listing)


def store(start: Start, contents: Sequence[bytes]) -> list[str]:
    """Write blobs into the private repository; their ids, in order."""
    if not contents:
        return []
    with start.repository.scratch() as folder:
        names = [f"blob{number}" for number in range(len(contents))]
        for name, content in zip(names, contents, strict=True):
            (folder / name).write_bytes(content)
        listed = "".join(f"{name}\n" for name in names).encode()
        output = git(
            start.repository.git_dir,
            *("hash-object", "-w", "--no-filters", "--stdin-paths"),
            stdin=listed,
            cwd=folder,
        )
    return output.decode().split()


def tree_of_entries(start: Start, entries: Mapping[str, Entry | None]) -> str:
    """The base's tree with these entries in place; None removes one.

    Raises:
        Refused: `path-git`: git itself does not take a path.
    """
    what = (start.base, *sorted(entries.items(), key=lambda item: item[0]))
    return start.repository.once(what, lambda: _with_entries(start, entries))


def _with_entries(start: Start, entries: Mapping[str, Entry | None]) -> str:
    removed = [f"0 {'0' * len(start.base)}\t{path}\0" for path, entry in entries.items() if entry is None]
    placed = [f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in entries.items() if entry is not None]
    with start.repository.index(start.base) as env:
        try:
            git(
                start.repository.git_dir,
                *("update-index", "-z", "--index-info"),
                stdin="".join(removed + placed).encode("utf-8", "surrogateescape"),
                env=env,
            )
        except GitError as error:
            raise Refused("path-git", f"Git does not take one of the paths: {error}") from error
        return _written(start, env)


def tree_of_diff(start: Start, diff: bytes) -> str:
    """The base's tree after a diff that somebody wrote, as `git apply` understands it.

    Raises:
        Refused: `diff-not-applicable`, or `empty-patch`.
    """
    with start.repository.index(start.base) as env:
        try:
            git(
                start.repository.git_dir,
                *("apply", "--cached", "--whitespace=nowarn", "-p1"),
                stdin=diff,
                env=env,
            )
        except GitError as error:
            raise _not_applicable(start, str(error)) from error
        return _written(start, env)


def _written(start: Start, env: Mapping[str, str]) -> str:
    # A partial clone lacks blobs that no patch needs; the patch's own were just written.
    return git(start.repository.git_dir, "write-tree", "--missing-ok", env=env).decode().strip()


def _not_applicable(start: Start, complaint: str) -> Refused:
    if "No valid patches in input" in complaint:
        return Refused("empty-patch", "The text holds no diff that git can read.")
    place = _FAILED_AT.search(complaint)
    entry = start.listing.get(place[1]) if place else None
    shown = ""
    if place and entry and place[1].startswith(f"services/{start.service}/") and entry.mode.startswith("100"):
        lines = start.read([entry])[0].decode("utf-8", "replace").splitlines()
        at = int(place[2])
        shown = f"\n{place[1]} really holds:\n{numbered(lines, at - 3, at + 9)}"
    return Refused("diff-not-applicable", f"The diff does not apply to the base commit: {complaint}{shown}")
