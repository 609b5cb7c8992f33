"""What is checked out: the commit, and which files differ from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.git import GitError, git
from sandbox.target import locate

STATUS_TIMEOUT_S = 1.0
MOST_DIRTY = 200


@dataclass(frozen=True, slots=True)
class Checkout:
    """The commit (full id) and the paths that differ from it, untracked ones included; at most 200."""

    commit: str
    dirty: tuple[str, ...]


def read_checkout(root: Path) -> Checkout:
    """Read commit and dirty files of a checkout.

    Raises:
        GitError: `root` is no git repository, or it has no commit.
    """
    target = locate(root)
    commit = git(target.git_dir, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    try:
        dirty = _dirty(target.git_dir, target.path)
    except GitError:
        # A huge or damaged working tree must not keep an incident from being captured.
        dirty = ()
    return Checkout(commit, dirty)


def _dirty(git_dir: Path, work_tree: Path) -> tuple[str, ...]:
    if git_dir == work_tree:
        return ()
    output = git(
        git_dir,
        f"--work-tree={work_tree}",
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=all",
        timeout=STATUS_TIMEOUT_S,
        cwd=work_tree,
    )
    entries = output.decode("utf-8", "replace").split("\0")
    return tuple(entry[3:] for entry in entries if entry)[:MOST_DIRTY]
