"""What can be imported from a folder, as its names on the disk say."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def installed(name: str) -> bool:
    """Whether a package or module of this name is installed beside the interpreter."""
    places = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    return any(os.path.exists(f"{place}/{name}{end}") for place in places for end in ("", ".py"))  # noqa: PTH110


def tops(folder: str) -> set[str]:
    """Names under which the Python modules and packages of a folder are imported."""
    try:
        with os.scandir(folder) as entries:
            names = {
                entry.name.removesuffix(".py")
                for entry in entries
                if entry.name.endswith(".py") or os.path.isfile(f"{entry.path}/__init__.py")  # noqa: PTH113
            }
    except OSError:
        return set()
    return names - sys.stdlib_module_names


def places(name: str, roots: Sequence[str]) -> list[str]:
    """The files below these folders that a module inside of a package is; none for one in no package."""
    if "." not in name:
        return []
    stems = [f"{root}/{name.replace('.', '/')}" for root in roots]
    files = [f"{stem}{end}" for stem in stems for end in (".py", "/__init__.py")]
    return [os.path.realpath(file) for file in files if os.path.isfile(file)]  # noqa: PTH113


def import_folder(file: str) -> str:
    """The folder that pytest puts in front of the path for a test file: the first that is no package."""
    folder = file.rpartition("/")[0]
    while os.path.isfile(f"{folder}/__init__.py"):  # noqa: PTH113
        folder = folder.rpartition("/")[0]
    return folder


def names_in(place: str) -> set[str]:
    """The names of its files and folders, without what follows a dot."""
    try:
        return {name.partition(".")[0] for name in os.listdir(place)}  # noqa: PTH208
    except OSError:
        return set()
