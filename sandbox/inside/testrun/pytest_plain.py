"""Runs pytest as a person would, in the process that the code under test shares: `python -m pytest <folder>`.

Settings, plug-ins, the import mode and the path are pytest's own affair here. Nothing is kept from the
code under test and nothing is instrumented, so what such a run says can only count against a patch.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .elsewhere import surroundings
from .reports import Reports

_ALL = ("--continue-on-collection-errors", "--maxfail=0")
"""One test that fails, or file that cannot be collected, says nothing of the others."""
_UNLESS_NAMED = {"hypothesispytest": b"hypothesis", "anyio": b"anyio"}
"""Plug-ins that take long to load, and do nothing where this word stands in no test and no setting."""


def run(plan: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> int:
    """Run what the plan says, in its root; the exit code of pytest. Every event goes to `tell`."""
    import pytest

    named = [one for one in plan["select"] if one.partition("::")[0].endswith(".py")]
    root, arguments = plan["root"], [*(named or [plan["service_dir"]]), *_ALL]
    said = b"".join(_content(f"{root}/{path}") for path in plan["trusted"])
    idle = [plugin for plugin, word in _UNLESS_NAMED.items() if word not in said]
    arguments += [word for plugin in idle for word in ("-p", f"no:{plugin}")]
    arguments += [f"--ignore={root}/{path}" for path in plan["apart"]]
    plan.clear()
    os.environ.update(surroundings(root))
    time.tzset()
    arguments += [f"--basetemp={os.environ['HOME']}/tmp"]
    os.chdir(root)
    set_by_user = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = dict.fromkeys([root, *set_by_user, *sys.path])
    sys.argv[:] = [str(pytest.__file__).replace("__init__", "__main__"), *arguments]
    sys.modules["__main__"] = ModuleType("__main__")
    gc.enable()
    return int(pytest.main(arguments, plugins=[_Plain(root, tell)]))


def _content(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - pathlib is slow here
            return stream.read()
    except OSError:
        return b""


class _Plain(Reports):
    """Tells of the tests by their paths in the tree, wherever pytest finds its root."""

    _rootdir = ""

    def pytest_configure(self, config: Any) -> None:
        """The folder that pytest's node ids begin from is known now."""
        self._rootdir = str(config.rootpath)

    def name_of(self, node: str) -> str:
        """A node id of pytest's, relative to the tree."""
        path, colons, rest = node.partition("::")
        return os.path.relpath(f"{self._rootdir}/{path}", self.root) + colons + rest
