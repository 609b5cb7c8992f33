"""What became of the branches that were made: merged and well again, or taken away unmerged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from sandbox.git import GitError, git, is_object_id
from sandbox.target import locate

Fate = Literal["open", "merged", "gone"]


def fate_of_branch(repo: Path, result: Mapping[str, Any]) -> Fate:
    """What happened to the branch of a run's result.

    Merged means that what it changes is in the checked-out commit, as a merge, squashed or picked.
    """
    branch, commit = result.get("branch"), result.get("branch_commit")
    if not isinstance(branch, str) or not isinstance(commit, str) or not is_object_id(commit):
        return "open"
    try:
        git_dir = locate(repo).git_dir
        missing = git(git_dir, "cherry", "HEAD", commit, timeout=10).decode().splitlines()
    except (GitError, OSError):
        return "open"
    if all(line.startswith("-") for line in missing):
        return "merged"
    reference = branch.removeprefix("refs/heads/")
    try:
        git(git_dir, "show-ref", "--verify", "--quiet", f"refs/heads/{reference}")
    except GitError:
        return "gone"
    return "open"
