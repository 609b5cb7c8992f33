"""Runs pytest on the trusted tests, in the process that the code under test shares.

What it reports is only heard, not believed: `evidence` compares it with what was planned. It
takes the sources of the tests from memory, keeps modules of the tree from standing in for the
standard library or pytest, and notes who looks at frames.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import random
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from . import frames
from .instrument import SINK
from .trusted import prepare

_QUIET = (
    *("-c", os.devnull, "-p", "no:cacheprovider", "-q", "--tb=no", "--no-header", "--no-summary"),
    *(
        "-p",
        "no:faulthandler",
        "-p",
        "no:junitxml",
        "-p",
        "no:pastebin",
        "-p",
        "no:doctest",
        "-p",
        "no:stepwise",
    ),
)
_MOST_FDS = 900


def warm_up() -> None:
    """Import what every run needs, while the plan is still being made."""
    import pytest  # noqa: F401
    from _pytest.config import default_plugins

    for name in default_plugins:
        importlib.import_module(f"_pytest.{name}")
    import _pytest.assertion.rewrite
    import _pytest.runner  # noqa: F401


def work(plan: dict[str, Any], events: int) -> None:
    """Run what the plan says; every event goes to `events`, a line of JSON each. Never returns."""
    channel = _Channel(events)
    files = _Files(plan, channel)
    _set_the_stage(plan)
    recorder = _Recorder(plan, channel, files)
    arguments = _arguments(plan)
    plan.clear()
    frames.watch(channel.tell, recorder.root, recorder.trusted)
    import pytest

    sys.modules["__main__"] = ModuleType("__main__")
    code = pytest.main(arguments, plugins=[recorder])
    channel.tell({"e": "modules", "modules": _modules_of(recorder.root)})
    channel.tell({"e": "end", "code": int(code)})
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not by way of atexit: what the code under test left there is none of the verdict's business.
    os._exit(0)


def _arguments(plan: dict[str, Any]) -> list[str]:
    settings = [word for key, value in plan["ini"].items() for word in ("-o", f"{key}={value}")]
    found = [name for name in plan["plugins"] if _exists(name)]
    plugins = [word for name in found for word in ("-p", name)]
    places = [
        f"--rootdir={plan['root']}",
        f"--confcutdir={plan['root']}",
        f"--import-mode={plan['import_mode']}",
    ]
    return [*_QUIET, *places, *settings, *plugins, *(f"{plan['root']}/{path}" for path in plan["files"])]


def _exists(plugin: str) -> bool:
    try:
        return importlib.util.find_spec(plugin) is not None
    except ImportError:
        return False


def _set_the_stage(plan: dict[str, Any]) -> None:
    root, service = plan["root"], plan["service_dir"]
    site = [path for path in sys.path if path not in _standard_library()]
    own = [root, f"{root}/{service}", *(f"{root}/{path}" for path in plan["python_path"])]
    sys.path[:] = [*_standard_library(), *dict.fromkeys(own), *site]
    sys.argv[:] = [f"{root}/{service}/main.py"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(root)
    import _pytest.runner

    def say_nothing(item: Any, when: Any) -> None:
        """Instead of writing the running test's name where everybody reads it."""

    _pytest.runner._update_current_test_var = say_nothing


def _standard_library() -> list[str]:
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    zipped = [path for path in sys.path if path.endswith(".zip")]
    return list(dict.fromkeys([*zipped, *paths, *(f"{path}/lib-dynload" for path in paths)]))


def _modules_of(root: str) -> list[tuple[str, str]]:
    """Every module that has a file, but for the standard library's."""
    library = tuple(_standard_library())
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
        line = memoryview(json.dumps(event).encode() + b"\n")
        while line:
            line = line[os.write(self._fd, line) :]


def _move(descriptor: int) -> int:
    import fcntl

    moved = fcntl.fcntl(
        descriptor, fcntl.F_DUPFD_CLOEXEC, random.SystemRandom().randrange(_MOST_FDS // 2, _MOST_FDS)
    )
    os.close(descriptor)
    return moved


class _Files:
    """Sources of the tests, taken before any code under test ran, and their loader."""

    def __init__(self, plan: dict[str, Any], channel: _Channel) -> None:
        self.root = plan["root"]
        self.trees: dict[str, ast.Module] = {}
        self.sources: dict[str, bytes] = {}
        for path in plan["trusted"]:
            with contextlib.suppress(OSError):
                self.sources[f"{self.root}/{path}"] = Path(self.root, path).read_bytes()
        for path, source in plan["canaries"].items():
            file = f"{self.root}/{path}"
            Path(file).write_bytes(b"")
            self.sources[file] = source.encode()
        for path in [*plan["files"], *plan["canaries"]]:
            with contextlib.suppress(KeyError, SyntaxError, ValueError):
                self.trees[f"{self.root}/{path}"] = self._prepared(plan, path)
        plan["files"] = _spread(plan)
        self.stems = {_stem(file) for file in self.sources}
        self.words: dict[str, None] = {}
        self._tell = channel.tell

    def _prepared(self, plan: dict[str, Any], path: str) -> ast.Module:
        source = importlib.util.decode_source(self.sources[f"{self.root}/{path}"])
        twin_seed = plan["twin_seed"] if path in plan["files"] else ""
        implant = plan["implants"].get(path, "")
        return prepare(path, source, seed=plan["seed"], implant=implant, twin_seed=twin_seed).tree

    def tell_broken(self, file: str, error: BaseException) -> None:
        """A conftest that cannot be imported stops pytest; the tests below it fell for this reason."""
        path = file[len(self.root) + 1 :]
        self._tell({"e": "conftest", "path": path, "failure": frames.failure(error, self.root)})

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Meta path entry: the standard library wins, the tests come from memory."""
        top, _, rest = name.partition(".")
        if not rest and top in sys.stdlib_module_names:
            return importlib.machinery.PathFinder.find_spec(name, _standard_library())
        if name.rpartition(".")[2] not in self.stems:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.origin is None or os.path.realpath(spec.origin) not in self.sources:
            return None
        places = spec.submodule_search_locations
        loader: Any = _FromMemory(self, spec.origin)
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=loader, submodule_search_locations=places
        )


class _FromMemory:
    """Loads one trusted file."""

    def __init__(self, files: _Files, file: str) -> None:
        self._files = files
        self._file = os.path.realpath(file)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """The usual module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the instrumented file."""
        source = self._files.sources[self._file]
        tree = self._files.trees.pop(self._file, None) or ast.parse(source, filename=self._file)
        if not self._file.endswith("/__init__.py"):
            from _pytest.assertion.rewrite import rewrite_asserts

            rewrite_asserts(tree, source, self._file)
        module.__dict__[SINK] = self._files.words.setdefault
        code = compile(tree, self._file, "exec", dont_inherit=True)
        try:
            builtins.exec(code, module.__dict__)
        except BaseException as error:
            if self._file.endswith("/conftest.py"):
                self._files.tell_broken(self._file, error)
            raise


def _stem(file: str) -> str:
    path = Path(file)
    return path.parent.name if path.stem == "__init__" else path.stem


def _spread(plan: dict[str, Any]) -> list[str]:
    """Canary modules among the test files: one last, the others anywhere."""
    chance = random.SystemRandom()
    files, canaries = list(plan["files"]), list(plan["canaries"])
    if plan["order"]:
        random.Random(plan["order"]).shuffle(files)
    for canary in canaries[1:]:
        files.insert(chance.randrange(len(files) + 1), canary)
    return [*files, *canaries[:1]]


class _Recorder:
    """The plug-in of ours: what pytest finds and what becomes of it, as events."""

    def __init__(self, plan: dict[str, Any], channel: _Channel, files: _Files) -> None:
        self.root = plan["root"]
        self.trusted = frozenset(files.sources)
        self._select = tuple(plan["select"])
        self._done = frozenset(plan["done"])
        self._order = plan["order"]
        self._canaries = frozenset(plan["canaries"])
        self._tell = channel.tell
        self._files = files
        self._current: dict[str, Any] = {}

    def pytest_load_initial_conftests(self) -> None:
        """From here on, modules of the tree are imported."""
        sys.meta_path.insert(0, self._files)
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]

    def pytest_configure(self, config: Any) -> None:
        """Nobody reads pytest's own report; what it says about itself is nobody's business."""
        os.environ.pop("PYTEST_VERSION", None)
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep what was asked for and not done yet, in the order that was drawn."""
        kept = [item for item in items if self._wanted(item.nodeid) and item.nodeid not in self._done]
        if self._order:
            kept = list(_shuffled(kept, random.Random(self._order)))
        items[:] = kept
        self._tell({"e": "collected", "nodes": [item.nodeid for item in kept]})

    def _wanted(self, node: str) -> bool:
        path = node.partition("::")[0]
        if not self._select or path in self._canaries:
            return True
        return any(node == one or node.startswith((f"{one}[", f"{one}::")) for one in self._select)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """A file that cannot be collected."""
        import pytest

        if isinstance(node, pytest.Collector):
            path = node.nodeid or node.name
            self._tell(
                {"e": "collect", "node": path, "failure": frames.failure(call.excinfo.value, self.root)}
            )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._files.words.clear()
        self._current = {"e": "test", "node": nodeid, "phases": {}}
        self._tell({"e": "start", "node": nodeid})

    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """What went wrong, while the exception is still there."""
        yield
        excinfo = call.excinfo
        if excinfo is not None and "failure" not in self._current:
            self._current["failure"] = frames.failure(excinfo.value, self.root)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """How a phase ended, or one part of a test with subtests."""
        current = self._current
        if hasattr(report, "context"):
            current["subtests_failed"] = current.get("subtests_failed") or report.outcome == "failed"
            current["subtests_skipped"] = current.get("subtests_skipped") or report.outcome == "skipped"
            return
        current["phases"][report.when] = report.outcome
        current["seconds"] = current.get("seconds", 0.0) + report.duration
        if hasattr(report, "wasxfail"):
            current["xfail"] = True

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test is over."""
        self._current["words"] = list(self._files.words)
        self._tell(self._current)


def _shuffled(items: list[Any], chance: random.Random) -> Iterator[Any]:
    """In another order, files and classes kept together."""
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(item.nodeid.partition("[")[0].rpartition("::")[0], []).append(item)
    names: dict[str, list[str]] = {}
    for name in groups:
        names.setdefault(name.partition("::")[0], []).append(name)
    for file in names.values():
        chance.shuffle(file)
        for name in file:
            chance.shuffle(groups[name])
            yield from groups[name]


def plugin_hooks() -> None:
    """Mark the recorder's hooks; late, because pytest is imported late."""
    import pytest

    hook: Any = pytest.hookimpl
    recorder: Any = _Recorder
    recorder.pytest_load_initial_conftests = hook(tryfirst=True)(recorder.pytest_load_initial_conftests)
    recorder.pytest_collection_modifyitems = hook(trylast=True)(recorder.pytest_collection_modifyitems)
    wrapper = hook(hookwrapper=True, tryfirst=True)
    recorder.pytest_runtest_makereport = wrapper(recorder.pytest_runtest_makereport)
    recorder.pytest_configure = hook(trylast=True)(recorder.pytest_configure)
