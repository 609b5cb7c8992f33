"""The tree of one commit, read with git's plumbing: what is a file, and what it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.git import GitError, git

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes: nothing that a service is made of is larger, and a larger blob is not loaded."""

# A clone may lack blobs (partial clone): git would fetch them over the network without being asked.
OFFLINE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_LITERAL_PATHSPECS": "1"}

Kind = Literal["file", "link", "submodule", "folder"]
KINDS: Mapping[str, Kind] = {"120000": "link", "160000": "submodule", "040000": "folder"}


class RepositoryError(Exception):
    """Something that the repository cannot give; the message says why and what to do instead.

    RepositoryError
    ├── UnknownCommit   no such commit in the repository, or the folder is no repository
    ├── FileMissing     no such path at the commit
    └── NotAFile        a folder, a link, a submodule, too large, or absent from this clone
    """


class UnknownCommit(RepositoryError):  # noqa: N818
    """The commit is not in the repository."""


class FileMissing(RepositoryError):  # noqa: N818
    """No such path at the commit. `last_commit` is the newest ancestor that has it, or None."""

    def __init__(self, path: str, commit: str, nearest: tuple[str, ...], last_commit: str | None) -> None:
        said = f"{path} does not exist at {commit[:10]}."
        if last_commit:
            said += f" History has it: the last commit with it is {last_commit[:10]}."
        if nearest:
            said += f" Nearest names: {', '.join(nearest)}."
        super().__init__(said)
        self.path, self.commit, self.nearest, self.last_commit = path, commit, nearest, last_commit


class NotAFile(RepositoryError):  # noqa: N818
    """The path exists, but it has no content that can be read as one file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree. `mode` is git's, such as 100644; `id` names the object."""

    path: str
    mode: str
    id: str

    @property
    def kind(self) -> Kind:
        """What the mode says it is."""
        return KINDS.get(self.mode, "file")


def find_git_dir(target: Path) -> Path:
    """The git directory of a checkout, a linked worktree or a bare repository.

    Raises:
        UnknownCommit: `target` is none of these.
    """
    for candidate in (target / ".git", target):
        if (candidate / "HEAD").is_file() and (
            (candidate / "objects").is_dir() or (candidate / "commondir").is_file()
        ):
            return candidate.resolve()
    return _linked_git_dir(target)


def _linked_git_dir(target: Path) -> Path:
    try:
        pointer = (target / ".git").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UnknownCommit(f"{target} is not a git repository: give the root of the checkout") from error
    if not pointer.startswith("gitdir:"):
        raise UnknownCommit(f"{target}/.git does not lead to a git directory")
    return (target / pointer.removeprefix("gitdir:").strip()).resolve()


def resolve(git_dir: Path, commit: str) -> str:
    """The full id of a commit. Only hexadecimal ids and HEAD are looked up, never expressions.

    Raises:
        UnknownCommit: there is no such commit here.
    """
    if not re.fullmatch(r"HEAD|[0-9a-fA-F]{4,64}", commit):
        raise UnknownCommit(f"{commit[:80]!r} is not a commit id: give at least 4 hexadecimal digits")
    try:
        return (
            git(git_dir, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", env=OFFLINE)
            .decode()
            .strip()
        )
    except GitError as error:
        raise UnknownCommit(f"commit {commit} is not in the repository {git_dir}") from error


def list_tree(git_dir: Path, commit: str) -> dict[str, Entry]:
    """Every file, link and submodule of a commit, by path, in git's order."""
    listing = git(git_dir, "ls-tree", "-r", "-z", "--full-tree", commit, env=OFFLINE)
    return {entry.path: entry for entry in map(_entry, listing.split(b"\0")[:-1])}


def entry_at(git_dir: Path, commit: str, path: str) -> Entry | None:
    """One path of a commit without listing the rest, or None."""
    if not path:
        return None
    listing = git(git_dir, "ls-tree", "-z", "--full-tree", commit, "--", path, env=OFFLINE)
    entries = [_entry(line) for line in listing.split(b"\0")[:-1]]
    return next((entry for entry in entries if entry.path == path), None)


def _entry(line: bytes) -> Entry:
    about, path = line.split(b"\t", 1)
    mode, _, identity = about.decode().split(" ")
    return Entry(os.fsdecode(path), mode, identity)


def read_entry(git_dir: Path, entry: Entry) -> bytes:
    """The content of a regular file.

    Raises:
        NotAFile: it is a link (which is never followed), a submodule, a folder, too large or absent.
    """
    if entry.kind == "submodule":
        raise NotAFile(f"{entry.path} is a submodule at {entry.id[:10]}: its files are in another repository")
    if entry.kind == "folder":
        raise NotAFile(f"{entry.path} is a folder: name one of its files")
    content = _blob(git_dir, entry)
    if entry.kind == "link":
        raise NotAFile(
            f"{entry.path} is a symbolic link to {os.fsdecode(content)!r}, which is not followed: "
            "read the file itself where it is part of the repository"
        )
    return content


def _blob(git_dir: Path, entry: Entry) -> bytes:
    about = git(git_dir, "cat-file", "--batch-check", stdin=f"{entry.id}\n".encode(), env=OFFLINE).split()
    if about[1:2] != [b"blob"]:
        raise NotAFile(f"the content of {entry.path} is missing from this clone of the repository")
    size = int(about[2])
    if size > LARGEST_FILE:
        raise NotAFile(
            f"{entry.path} holds {size} bytes, more than the {LARGEST_FILE} that are read; search in it"
        )
    return git(git_dir, "cat-file", "blob", entry.id, env=OFFLINE)
