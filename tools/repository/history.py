"""What history says about a path. GitPython reads the target: it is trusted, and it is only read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tools.repository.tree import RepositoryError

if TYPE_CHECKING:
    from git import Commit, Repo

READ_ONLY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    # A partial clone would fetch what it lacks over the network without being asked.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One commit as a reader wants it: full id, date of the commit in UTC, author and first line."""

    commit: str
    date: datetime
    author: str
    subject: str


class History:
    """The ancestors of one commit."""

    def __init__(self, git_dir: Path, commit: str) -> None:
        self._git_dir = git_dir
        self._commit = commit

    @cached_property
    def _repo(self) -> Repo:
        from git import Repo  # 0.13 s, and most runs never look at history

        repo = Repo(self._git_dir, search_parent_directories=False)
        repo.git.update_environment(GIT_DIR=str(self._git_dir), **READ_ONLY)
        return repo

    def of(self, path: str, limit: int) -> list[Change]:
        """The newest `limit` commits that touched a path, newest first; a folder counts for its files."""
        return [_change(commit) for commit in self._commits(path, limit)]

    def last_commit_with(self, path: str) -> str | None:
        """The newest ancestor that changed the path and still has it, or None."""
        # Without --full-history a merge that dropped the file hides the side on which it lived.
        found: str = self._repo.git.log(
            "-n1",
            "--format=%H",
            "--full-history",
            "--no-renames",
            "--diff-filter=AMT",
            self._commit,
            "--",
            path,
        )
        return found or None

    def blame_line(self, path: str, line: int) -> Change:
        """The commit that wrote one line (1-based) of a file.

        Raises:
            RepositoryError: there is no such file or line at the commit.
        """
        from git.exc import GitCommandError

        try:
            entry = next(self._repo.blame_incremental(self._commit, path, L=f"{line},{line}"))
        except (GitCommandError, StopIteration) as error:
            raise RepositoryError(f"{path} has no line {line} at {self._commit[:10]}") from error
        return _change(self._repo.commit(entry.commit.hexsha))

    def close(self) -> None:
        """End the git processes that GitPython keeps for reading objects."""
        if "_repo" in self.__dict__:
            self._repo.close()

    def _commits(self, path: str, limit: int) -> Iterator[Commit]:
        return self._repo.iter_commits(self._commit, paths=path, max_count=limit)


def _change(commit: Commit) -> Change:
    date = datetime.fromtimestamp(commit.committed_date, UTC)
    subject = commit.summary if isinstance(commit.summary, str) else commit.summary.decode("utf-8", "replace")
    return Change(commit.hexsha, date, commit.author.name or "", subject)
