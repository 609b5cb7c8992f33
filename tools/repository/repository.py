"""`Repository`: one commit of the target, for triage, tools and proof alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from tools.repository import search, tree
from tools.repository.history import Change, History
from tools.repository.search import Match, Matches
from tools.repository.tree import Entry, FileMissing, NotAFile, UnknownCommit

NEAREST = 5
LISTED = 60


class Repository:
    """A commit of the target repository: a checkout, a linked worktree or a bare repository.

    Nothing is read from the working tree, and symbolic links are never followed. Paths are
    relative to the root, with `/`. Which of them the model may see is `sandbox.scope`'s to say.
    """

    def __init__(self, target: Path, commit: str = "HEAD") -> None:
        """Raises UnknownCommit where `target` is no repository or lacks the commit."""
        self.target = target
        self.git_dir = tree.find_git_dir(target)
        self.commit = tree.resolve(self.git_dir, commit)
        self._history = History(self.git_dir, self.commit)

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return tree.list_tree(self.git_dir, self.commit)

    def read(self, path: str, commit: str | None = None) -> bytes:
        """The bytes of a file at this commit, or at another one that is named.

        Raises:
            FileMissing: no such path; names the nearest ones and the last commit that had it.
            NotAFile: a folder, link or submodule, over 4 MiB, or absent from this clone.
            UnknownCommit: `commit` is not in the repository.
        """
        entry = self.entry(path, commit)
        if entry.kind == "folder" and commit is None:
            raise NotAFile(self._listing(path))
        return tree.read_entry(self.git_dir, entry)

    def entry(self, path: str, commit: str | None = None) -> Entry:
        """What stands at a path. Raises FileMissing, or UnknownCommit for `commit`."""
        if commit is None:
            found = self._entries.get(path) or self._folder(path)
            at = self.commit
        else:
            at = tree.resolve(self.git_dir, commit)
            found = tree.entry_at(self.git_dir, at, path)
        if found is None:
            raise FileMissing(path, at, self.nearest(path), self.last_commit_with(path))
        return found

    def exists(self, path: str) -> bool:
        """Whether the path is a regular file of this commit."""
        entry = self._entries.get(path)
        return entry is not None and entry.kind == "file"

    def files(self, prefix: str = "") -> list[str]:
        """Regular files whose path starts with `prefix`, in git's order."""
        return [
            path for path, entry in self._entries.items() if entry.kind == "file" and path.startswith(prefix)
        ]

    def services(self) -> list[str]:
        """Names of the folders in services/, sorted."""
        inside = (PurePosixPath(path).parts for path in self._entries)
        return sorted({parts[1] for parts in inside if parts[0] == "services" and len(parts) > 2})

    def locate(self, logged: str) -> str | None:
        """The file that a path of any machine means: the longest suffix of it that exists here."""
        parts = [part for part in logged.replace("\\", "/").split("/") if part not in ("", ".")]
        candidates = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((path for path in candidates if self.exists(path)), None)

    def grep(
        self, pattern: str, *, regex: bool = False, paths: Sequence[str] = (), seconds: float = 5.0
    ) -> Matches:
        """Lines that hold a literal text or a regular expression, in `paths` (files or folders).

        Raises:
            SearchError: the pattern is empty, broken or too slow.
        """
        return search.grep(self.git_dir, self.commit, pattern, regex=regex, paths=paths, seconds=seconds)

    def definitions(
        self, name: str, paths: Sequence[str] = ("services", "shared", "scripts")
    ) -> tuple[Match, ...]:
        """Where a function, class or module-level name is defined. Raises SearchError for no identifier."""
        return search.definitions(
            self.git_dir, self.commit, name, [path for path in paths if self._folder(path)]
        )

    def history(self, path: str, limit: int = 10) -> list[Change]:
        """The newest commits that touched a file or folder, newest first."""
        return self._history.of(path, limit)

    def last_commit_with(self, path: str) -> str | None:
        """The newest ancestor that changed the path and still has it: from there it can be restored."""
        return self._history.last_commit_with(path)

    def blame_line(self, path: str, line: int) -> Change:
        """The commit that wrote a line (1-based). Raises RepositoryError where there is none."""
        return self._history.blame_line(path, line)

    def nearest(self, path: str) -> tuple[str, ...]:
        """Existing files that a wrong path may have meant, best first."""
        wanted = PurePosixPath(path)
        same_name = [known for known in self.files() if PurePosixPath(known).name == wanted.name]
        folder = f"{wanted.parent}/" if len(wanted.parts) > 1 else ""
        beside = {PurePosixPath(known).name: known for known in self.files(folder)}
        close = difflib.get_close_matches(wanted.name, list(beside)[:5_000], n=NEAREST, cutoff=0.6)
        ranked = sorted(same_name, key=lambda known: -_shared_parts(known, path))
        return tuple(_unique([*ranked, *(beside[name] for name in close)]))[:NEAREST]

    def close(self) -> None:
        """End the helper processes of GitPython, if any were started."""
        self._history.close()

    def _listing(self, path: str) -> str:
        inside = [known.removeprefix(f"{path}/") for known in self.files(f"{path}/")]
        named = ", ".join(inside[:LISTED])
        more = f" and {len(inside) - LISTED} more" if len(inside) > LISTED else ""
        return f"{path} is a folder, name one of its files: {named}{more}"

    def _folder(self, path: str) -> Entry | None:
        inside = path.rstrip("/") + "/"
        return Entry(path, "040000", "") if any(known.startswith(inside) for known in self._entries) else None


def _shared_parts(known: str, wanted: str) -> int:
    return len(set(PurePosixPath(known).parts) & set(PurePosixPath(wanted).parts))


def _unique(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(paths))


__all__ = ["Change", "FileMissing", "Match", "Matches", "NotAFile", "Repository", "UnknownCommit"]
