"""What the code under test may import, and from where.

The standard library and installed packages win over files of the tree that merely have their
names. Tests come from memory. A file of the tree counts as it was before any of its code ran:
one that was written since is loaded, too, but not in silence.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Collection, Mapping, Sequence
from types import CodeType, ModuleType
from typing import Any

from .folders import import_folder, names_in

_Stamp = tuple[int, int, int]
_LOADED = (".py", ".so", ".pyc", ".pyd")


def standard_library() -> list[str]:
    """Where the interpreter's own modules are."""
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    zipped = [path for path in sys.path if path.endswith(".zip")]
    return list(dict.fromkeys([*zipped, *paths, *(f"{path}/lib-dynload" for path in paths)]))


class Gatekeeper:
    """The only finder of modules that are files; goes first on the meta path.

    root        where the tree lies
    places      folders of installed packages
    own         top-level names that are the tree's, also where a package has the same one
    from_memory loaders of trusted files, by path
    tell        takes an event about a file that was written while code under test ran
    """

    def __init__(
        self,
        root: str,
        places: Sequence[str],
        own: Collection[str],
        from_memory: Mapping[str, Callable[[str], Any]],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._root = root
        self._places = list(places)
        self._library = standard_library()
        self._fixed = tuple(f"{place}/" for place in (*self._library, *self._places))
        self._installed = {name for place in places for name in names_in(place)} - set(own)
        self._from_memory = from_memory
        self._beside_tests: dict[str, list[str]] = {}
        self._stamps = _stamps_below(root)
        self._tell = tell

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Meta path entry."""
        spec = importlib.machinery.PathFinder.find_spec(name, self._where(name, path))
        if spec is None or spec.origin is None or spec.origin.startswith(self._fixed):
            return spec
        file = os.path.realpath(spec.origin)
        if file in self._from_memory:
            spec.loader = self._from_memory[file](file)
        else:
            self.check(file)
            if file.endswith(".py"):
                spec.loader = _AsItWas(name, file, self)
        return spec

    def keep_beside_tests(self, tests: Sequence[str]) -> None:
        """What lies beside these tests keeps its name, whatever code under test puts in front of the path."""
        steering = [file for file in self._from_memory if file.endswith("/conftest.py")]
        for folder in {import_folder(file) for file in (*tests, *steering)}:
            for name in names_in(folder):
                if not {f"{folder}/{name}.py", f"{folder}/{name}/__init__.py"}.isdisjoint(self._from_memory):
                    self._beside_tests.setdefault(name, []).append(folder)

    def check(self, file: str, status: os.stat_result | None = None) -> None:
        """Say so when a file is not what it was in the beginning."""
        try:
            stamp = _stamp(status or os.stat(file))  # noqa: PTH116
        except OSError:
            return
        if stamp != self._stamps.get(file):
            path = file[len(self._root) + 1 :] if file.startswith(f"{self._root}/") else file
            self._tell({"e": "watched", "event": "import of a file that was just written", "path": path})

    def _where(self, name: str, path: Sequence[str] | None) -> Sequence[str] | None:
        if path is not None or "." in name:
            return path
        if name in sys.stdlib_module_names:
            return self._library
        if name in self._beside_tests:
            folders = self._beside_tests[name]
            # Several have a conftest.py: pytest puts the folder of the one it wants in front.
            return [*(path for path in sys.path if path in folders), *folders]
        return self._places if name in self._installed else None


class _AsItWas(importlib.machinery.SourceFileLoader):
    """Loads a source of the tree; never a compiled file, which says nothing about its source."""

    def __init__(self, name: str, file: str, gate: Gatekeeper) -> None:
        super().__init__(name, file)
        self._gate = gate

    def get_code(self, fullname: str) -> CodeType:
        """Read, check what was read, and compile."""
        with open(self.path, "rb") as file:  # noqa: PTH123 - the descriptor is what is checked
            content = file.read()
            self._gate.check(str(self.path), os.fstat(file.fileno()))
        return self.source_to_code(content, self.path)


def _stamp(status: os.stat_result) -> _Stamp:
    # Unlike the time of modification, that of change cannot be set back.
    return (status.st_ino, status.st_size, status.st_ctime_ns)


def _stamps_below(root: str) -> dict[str, _Stamp]:
    """Of every file that could be imported, by its real path."""
    stamps, waiting = {}, [os.path.realpath(root)]
    own = (f"{sys.prefix}/", f"{sys.base_prefix}/")
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not f"{entry.path}/".startswith(own):
                        waiting.append(entry.path)
                elif entry.name.endswith(_LOADED):
                    path = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                    with contextlib.suppress(OSError):
                        stamps[path] = _stamp(entry.stat())
    return stamps
