"""Runs pytest as a person would, in the process that the code under test shares: `python -m pytest <folder>`.

Settings, plug-ins, the import mode and the path are pytest's own affair here. Nothing is kept from the
code under test and nothing is instrumented, so what such a run says can only count against a patch.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import tempfile
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .reports import Reports

_ALL = ("--continue-on-collection-errors", "--maxfail=0")
"""One test that fails, or file that cannot be collected, says nothing of the others."""
_TOLD = (
    *("_", "SHELL", "TERM", "EDITOR", "PAGER", "COLORTERM", "SHLVL", "XDG_SESSION_ID", "XDG_RUNTIME_DIR"),
    *("SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS", "LS_COLORS", "HISTSIZE", "MAIL", "DESKTOP"),
    *(
        "GPG_TTY",
        "VISUAL",
        "WINDOWID",
        "OLDPWD",
        "HOSTNAME",
        "HOSTTYPE",
        "MACHTYPE",
        "OSTYPE",
        "LINES",
        "COLUMNS",
    ),
)
"""Variables of a person's shell that say nothing to a service."""
_UNLESS_NAMED = {"hypothesispytest": b"hypothesis", "anyio": b"anyio"}
"""Plug-ins that take long to load, and do nothing where this word stands in no test and no setting."""


def run(plan: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> int:
    """Run what the plan says, in its root; the exit code of pytest. Every event goes to `tell`."""
    import pytest

    root, arguments = plan["root"], [*(plan["select"] or [plan["service_dir"]]), *_ALL]
    named = b"".join(_content(f"{root}/{path}") for path in plan["trusted"])
    idle = [plugin for plugin, word in _UNLESS_NAMED.items() if word not in named]
    arguments += [word for plugin in idle for word in ("-p", f"no:{plugin}")]
    arguments += [f"--ignore={root}/{path}" for path in plan["apart"]]
    plan.clear()
    arguments += [f"--basetemp={_be_elsewhere()}/tmp"]
    os.chdir(root)
    set_by_user = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = dict.fromkeys([root, *set_by_user, *sys.path])
    sys.argv[:] = [str(pytest.__file__).replace("__init__", "__main__"), *arguments]
    sys.modules["__main__"] = ModuleType("__main__")
    gc.enable()
    return int(pytest.main(arguments, plugins=[_Plain(root, tell)]))


def _be_elsewhere() -> str:
    """Surroundings as a person has them, and not a box: who looks at them is to see another place each time.

    Returns:
        A home of its own.
    """
    user = f"dev{random.SystemRandom().randrange(10**6)}"
    home = f"{tempfile.gettempdir()}/{user}"
    os.mkdir(home)  # noqa: PTH102 - pathlib is slow here
    told = dict.fromkeys(_TOLD, "1") | {"HOME": home, "USER": user, "LOGNAME": user, "PWD": os.getcwd()}  # noqa: PTH109
    os.environ.update(told)
    return home


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
