"""Runs pytest on the trusted tests, in the process that the code under test shares.

What it reports is only heard, not believed: `evidence` compares it with what was planned. It
takes the sources of the tests from memory, keeps modules of the tree from standing in for the
standard library or pytest, and notes who looks at frames.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import random
import sys
from types import ModuleType
from typing import Any, NoReturn

from . import frames, pytest_plain
from .encode import encode
from .imports import Gatekeeper, standard_library
from .recorder import Recorder
from .sources import Sources

_WITHOUT = (
    *("cacheprovider", "faulthandler", "junitxml", "pastebin", "doctest", "stepwise"),
    *("setuponly", "setupplan"),
)
_QUIET = (
    *("-c", os.devnull, "-q", "-s", "--tb=no", "--no-header", "--no-summary"),
    "--continue-on-collection-errors",
    *(word for name in _WITHOUT for word in ("-p", f"no:{name}")),
)
_MOST_FDS = 900
_write = os.write


def warm_up() -> None:
    """Import what every run needs, while the plan is still being made."""
    # What is imported here stays: the collector would only look at it again and again.
    gc.disable()
    import pytest  # noqa: F401
    from _pytest.config import default_plugins

    for name in (name for name in default_plugins if name not in _WITHOUT):
        importlib.import_module(f"_pytest.{name}")
    import _pytest.assertion.rewrite
    import _pytest.runner  # noqa: F401


def work(plan: dict[str, Any], events: int) -> None:
    """Run what the plan says; every event goes to `events`, a line of JSON each. Never returns."""
    channel = _Channel(events)
    if plan["plain"]:
        _leave(channel, pytest_plain.run(plan, channel.tell))
    sources = Sources(plan, channel.tell)
    _set_the_stage(plan)
    gate = Gatekeeper(plan["root"], _packages(), plan["own"], sources.loaders(), channel.tell)
    if plan["import_mode"] == "prepend":
        gate.keep_beside_tests([f"{plan['root']}/{path}" for path in plan["files"]])
    recorder = Recorder(plan, channel.tell, sources, gate)
    arguments = _arguments(plan)
    plan.clear()
    frames.watch(channel.tell, recorder.root, recorder.trusted)
    _go_by_other_names()
    import pytest

    sys.modules["__main__"] = ModuleType("__main__")
    code = pytest.main(arguments, plugins=[recorder])
    channel.tell({"e": "modules", "modules": _modules()})
    _leave(channel, int(code))


def _leave(channel: _Channel, code: int) -> NoReturn:
    channel.tell({"e": "end", "code": code})
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not by way of atexit: what the code under test left there is none of the verdict's business.
    os._exit(0)


def _arguments(plan: dict[str, Any]) -> list[str]:
    settings = [word for key, value in plan["ini"].items() for word in ("-o", f"{key}={value}")]
    settings += [word for each in plan["warnings"] for word in ("-W", each)]
    found = [name for name in plan["plugins"] if _exists(name)]
    plugins = [word for name in found for word in ("-p", name)]
    places = [
        f"--rootdir={plan['root']}",
        f"--confcutdir={plan['root']}",
        f"--import-mode={plan['import_mode']}",
    ]
    return [*_QUIET, *places, *settings, *plugins, *(f"{plan['root']}/{path}" for path in plan["files"])]


def _packages() -> list[str]:
    ends = ("site-packages", "dist-packages")
    return [path for path in sys.path if path.endswith(ends)]


def _exists(plugin: str) -> bool:
    try:
        return importlib.util.find_spec(plugin) is not None
    except ImportError:
        return False


def _set_the_stage(plan: dict[str, Any]) -> None:
    root, service = plan["root"], plan["service_dir"]
    site = [path for path in sys.path if path not in standard_library()]
    # A service is started as `python services/<name>/main.py`, so its folder is on the path; last, so
    # that what is added there stands in for nothing that tests import from elsewhere.
    own = [*(f"{root}/{path}" for path in plan["python_path"]), root, f"{root}/{service}"]
    sys.path[:] = [*standard_library(), *dict.fromkeys(own), *site]
    sys.argv[:] = [f"{root}/{service}/main.py"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(root)
    import _pytest.runner

    def say_nothing(item: Any, when: Any) -> None:
        """Instead of writing the running test's name where everybody reads it."""

    _pytest.runner._update_current_test_var = say_nothing


def _go_by_other_names() -> None:
    """What pytest puts where every service looks, the root logger's handlers, is called like the usual ones.

    The standard streams are left alone altogether: the output is not captured (`-s`).
    """
    import logging

    import _pytest.logging as ours

    for kind, usual in (
        (ours.LogCaptureHandler, "StreamHandler"),
        (ours._LiveLoggingNullHandler, "NullHandler"),
    ):
        kind.__name__ = kind.__qualname__ = usual
        kind.__module__ = logging.__name__


def _modules() -> list[tuple[str, str]]:
    """Every module that has a file, but for the standard library's."""
    library = tuple(standard_library())
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and ("site-packages" in file or not file.startswith(library)):
            found.append((name, file))
    return found


class _Channel:
    """Where the events go. The descriptor sits at an odd place, so that nothing closes it by habit."""

    def __init__(self, events: int) -> None:
        self._fd = _move(events)

    def tell(self, event: dict[str, Any]) -> None:
        line = memoryview(encode(event).encode() + b"\n")
        while line:
            line = line[_write(self._fd, line) :]


def _move(descriptor: int) -> int:
    import fcntl

    moved = fcntl.fcntl(
        descriptor, fcntl.F_DUPFD_CLOEXEC, random.SystemRandom().randrange(_MOST_FDS // 2, _MOST_FDS)
    )
    os.close(descriptor)
    return moved
