"""Whether the files of the tests stay as they are while code under test runs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

_Mark = tuple[int, ...] | None


class Files:
    """The files of the tests as they lay when nothing had run yet.

    Nobody can take back the time at which the system says that a file was last written to, so that
    files which are written and restored are told, too, and none has to be read.
    """

    def __init__(self, root: str, paths: Iterable[str]) -> None:
        self._root = root
        self._marks = {path: self._mark(path) for path in sorted(paths)}

    def written(self, but: Collection[str] = ()) -> list[str]:
        """What was changed, replaced or deleted since, a text each; `but` are files that we wrote."""
        found = [path for path, mark in self._marks.items() if path not in but and self._mark(path) != mark]
        return [f"material: {path}, which belongs to the tests, is changed while they run" for path in found]

    def _mark(self, path: str) -> _Mark:
        try:
            found = os.lstat(f"{self._root}/{path}")
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
