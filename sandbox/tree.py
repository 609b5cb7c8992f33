"""What a git tree holds, and how it is written to a folder without git's checkout.

No filter, no line-ending conversion, no hook and no `export-ignore` takes part: a file of the
folder is the blob, byte for byte.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sandbox.git import GitError, blobs, git

FILE, EXECUTABLE, SYMLINK, GITLINK = "100644", "100755", "120000", "160000"

LARGEST_FILE = 256 << 20
"""Bytes of one file above which a worktree is refused: it is in memory while it is written."""

_SAFE_LINK = re.compile(r"(\.\./)*[^/]")


class Entry(NamedTuple):
    """One entry of a tree: git's mode as six octal digits and the object's id."""

    mode: str
    oid: str


Listing = Mapping[str, Entry]
"""Every file of a tree, by path. Paths that are not UTF-8 hold surrogate escapes."""


def list_tree(git_dir: Path, tree_ish: str, paths: Sequence[str] = ()) -> dict[str, Entry]:
    """All entries of a tree below `paths`, or of the whole tree.

    Raises:
        GitError: there is no such tree.
    """
    output = git(git_dir, "ls-tree", "-r", "-z", "--full-tree", tree_ish, "--", *paths)
    listing = {}
    for record in output.decode("utf-8", "surrogateescape").split("\0"):
        if record:
            head, path = record.split("\t", 1)
            mode, _, oid = head.split(" ")
            listing[path] = Entry(mode, oid)
    return listing


def write_files(git_dir: Path, listing: Listing, folder: Path) -> None:
    """Write the entries into `folder`, replacing what is there under the same names.

    A symlink that could lead out of the folder becomes a file that holds its text, as git does
    where a disk has no symlinks. A submodule becomes an empty folder.

    Raises:
        GitError: a blob is missing or too large, or a path would leave the folder.
    """
    for path in listing:
        _refuse_escape(path, listing)
    for parent in sorted({str(Path(path).parent) for path in listing}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    files = {path: entry for path, entry in listing.items() if entry.mode != GITLINK}
    for path in listing.keys() - files.keys():
        (folder / path).mkdir(exist_ok=True)
    ids = [entry.oid for entry in files.values()]
    with contextlib.closing(blobs(git_dir, ids, largest=LARGEST_FILE)) as contents:
        for (path, entry), content in zip(files.items(), contents, strict=True):
            _write(folder / path, path, entry.mode, content)


def remove_files(folder: Path, paths: Sequence[str]) -> None:
    """Remove files and the folders that become empty by that."""
    for path in paths:
        gone = folder / path
        if gone.is_dir() and not gone.is_symlink():
            shutil.rmtree(gone)
        else:
            gone.unlink(missing_ok=True)
        for parent in list(Path(path).parents)[:-1]:
            try:
                (folder / parent).rmdir()
            except OSError:
                break


def _write(file: Path, path: str, mode: str, content: bytes) -> None:
    file.unlink(missing_ok=True)
    if mode == SYMLINK and _stays_inside(path, content):
        file.symlink_to(content.decode("utf-8", "surrogateescape"))
        return
    with file.open("xb") as stream:
        stream.write(content)
    if mode == EXECUTABLE:
        file.chmod(0o755)


def _stays_inside(path: str, content: bytes) -> bool:
    # `..` after a name could climb out by way of another link, so it may only stand in front.
    text = content.decode("utf-8", "surrogateescape")
    climbs = [part for part in text.split("/") if part == ".."]
    return (
        _SAFE_LINK.match(text) is not None
        and text.startswith("../" * len(climbs))
        and len(climbs) <= path.count("/")
        and "\0" not in text
    )


def _refuse_escape(path: str, listing: Listing) -> None:
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise GitError(f"the tree holds the path {path!r}, which no sound tree does")
    parents = ("/".join(parts[:end]) for end in range(1, len(parts)))
    if any(parent in listing for parent in parents):
        raise GitError(f"the tree holds {path!r} below something that is not a folder")
