"""What a box sees of files that may hold secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.candidate import Start, store
from sandbox.git import blobs
from sandbox.scope import READABLE_ROOTS, is_secret
from sandbox.testing.paths import python_tops
from sandbox.tree import Entry

Conceal = Callable[[str, bytes], bytes | None]
"""Path and content of a file of Truth or for secrets to what a box may see of it; None: nothing."""


class Concealed:
    """No secret enters a box: files for secrets are left out, or hold placeholders.

    `conceal` says what is seen of them and of the files of Truth; without it, secret files are left out.
    """

    def __init__(self, conceal: Conceal | None) -> None:
        self._conceal = conceal
        self._known: dict[str, dict[str, Entry | None]] = {}

    def entries(self, start: Start) -> Mapping[str, Entry | None]:
        """What stands in the place of files of the base; None for those that are left out.

        Raises:
            GitError: a blob is missing.
        """
        if start.base not in self._known:
            self._known = {start.base: self._made(start)}
        return self._known[start.base]

    def _made(self, start: Start) -> dict[str, Entry | None]:
        tops = {*READABLE_ROOTS, *python_tops(start.listing)}
        shown = [path for path in start.listing if "/" not in path or path.split("/")[0] in tops]
        secret = [path for path in shown if is_secret(path)]
        entries: dict[str, Entry | None] = dict.fromkeys(secret)
        if self._conceal is None:
            return entries
        paths = [path for path in shown if path.startswith("truth/") or path in entries]
        paths = [path for path in paths if start.listing[path].mode.startswith("100")]
        ids = [start.listing[path].oid for path in paths]
        contents = dict(zip(paths, blobs(start.repository.git_dir, ids), strict=True))
        clean = {path: self._conceal(path, content) for path, content in contents.items()}
        kept = {path: content for path, content in clean.items() if content is not None}
        oids = store(start, list(kept.values()))
        placed = {path: Entry(start.listing[path].mode, oid) for path, oid in zip(kept, oids, strict=True)}
        return {**entries, **dict.fromkeys(clean), **placed}
