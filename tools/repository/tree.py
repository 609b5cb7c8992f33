"""The tree of one commit, read with git's plumbing: what is a file, and what it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.git import GitError
from sandbox.git import git as plumbing
from sandbox.target import locate

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes: nothing that a service is made of is larger, and a larger blob is not loaded."""

Kind = Literal["file", "link", "submodule", "folder"]
KINDS: Mapping[str, Kind] = {"120000": "link", "160000": "submodule", "040000": "folder"}


class RepositoryError(Exception):
    """Something that the repository cannot give; the message says why and what to do instead.

    RepositoryError
    ├── UnknownCommit   no such commit in the repository, or the folder is no repository
    ├── FileMissing     no such path at the commit
    └── NotAFile        a folder, a link, a submodule, too large, or absent from this clone
    """


class UnknownCommit(RepositoryError):
    """The commit is not in the repository."""


class FileMissing(RepositoryError):
    """No such path at the commit. `last_commit` is the newest ancestor that has it, or None."""

    def __init__(self, path: str, commit: str, nearest: tuple[str, ...], last_commit: str | None) -> None:
        said = f"{path} does not exist at {commit[:10]}."
        if last_commit:
            said += f" History has it: the last commit with it is {last_commit[:10]}."
        if nearest:
            said += f" Nearest names: {', '.join(nearest)}."
        super().__init__(said)
        self.path, self.commit, self.nearest, self.last_commit = path, commit, nearest, last_commit


class NotAFile(RepositoryError):
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


def git(git_dir: Path, *args: str, stdin: bytes = b"") -> bytes:
    """Git's plumbing on the target.

    Raises:
        RepositoryError: git failed; an object may be damaged or missing from this clone.
    """
    try:
        return plumbing(git_dir, *args, stdin=stdin)
    except GitError as error:
        raise RepositoryError(f"the repository cannot be read: {error}") from error


def find_git_dir(target: Path) -> Path:
    """The git directory of a checkout, a linked worktree or a bare repository.

    Raises:
        UnknownCommit: `target` is none of these.
    """
    try:
        return locate(target).git_dir
    except (GitError, OSError) as error:
        raise UnknownCommit(f"{target} cannot be read as a repository: {error}") from error


def resolve(git_dir: Path, commit: str) -> str:
    """The full id of a commit. Only hexadecimal ids and HEAD are looked up, never expressions.

    Raises:
        UnknownCommit: there is no such commit here.
    """
    if not re.fullmatch(r"HEAD|[0-9a-fA-F]{4,64}", commit):
        raise UnknownCommit(f"{commit[:80]!r} is not a commit id: give at least 4 hexadecimal digits")
    try:
        return git(git_dir, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").decode().strip()
    except RepositoryError as error:
        raise UnknownCommit(f"commit {commit} is not in the repository {git_dir}") from error


def list_tree(git_dir: Path, commit: str) -> dict[str, Entry]:
    """Every file, link and submodule of a commit, by path, in git's order."""
    listing = git(git_dir, "ls-tree", "-r", "-z", "--full-tree", commit)
    return {entry.path: entry for entry in map(_entry, listing.split(b"\0")[:-1])}


def entry_at(git_dir: Path, commit: str, path: str) -> Entry | None:
    """One path of a commit without listing the rest, or None."""
    if not path:
        return None
    listing = git(git_dir, "ls-tree", "-z", "--full-tree", commit, "--", path)
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
    about = git(git_dir, "cat-file", "--batch-check", stdin=f"{entry.id}\n".encode()).split()
    if about[1:2] != [b"blob"]:
        raise NotAFile(f"the content of {entry.path} is missing from this clone of the repository")
    size = int(about[2])
    if size > LARGEST_FILE:
        raise NotAFile(
            f"{entry.path} holds {size} bytes, more than the {LARGEST_FILE} that are read; search in it"
        )
    return git(git_dir, "cat-file", "blob", entry.id)
