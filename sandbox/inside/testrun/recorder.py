"""The plug-in of a trusted run: what pytest finds and what becomes of it, and how it is gone about."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .calls import Calls
from .imports import Gatekeeper
from .reports import Reports
from .sources import Sources, often


class Recorder(Reports):
    """Tells also which tests there are, what each said and what it called; keeps pytest out of sight."""

    def __init__(
        self, plan: dict[str, Any], tell: Callable[[dict[str, Any]], None], files: Sources, gate: Gatekeeper
    ) -> None:
        super().__init__(plan["root"], tell)
        self.trusted = frozenset(files.sources)
        self._select = tuple(plan["select"])
        self._done = frozenset(plan["done"])
        self._order = plan["order"]
        self._canaries = frozenset(plan["canaries"])
        self._files = files
        self._gate = gate
        self._given: dict[str, str | None] = {}
        self._calls = Calls(self.root, self.trusted) if plan["calls"] else None

    def pytest_load_initial_conftests(self) -> None:
        """From here on, modules of the tree are imported."""
        sys.meta_path.insert(0, self._gate)
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]

    def pytest_configure(self, config: Any) -> None:
        """Nobody reads pytest's own report; what it says about itself is nobody's business."""
        os.environ.pop("PYTEST_VERSION", None)
        config.pluginmanager.unregister(name="terminalreporter")

    def pytest_collection(self) -> None:
        """The test files are imported now."""
        if self._calls:
            self._calls.start(shared=True)

    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """A fixture is made; one of a wider scope is for several tests."""
        if fixturedef.scope == "function":
            yield
            return
        # Of what is to be done when it is over, what was added last comes first.
        fixturedef.addfinalizer(self._files.share_no_more)
        self._files.share()
        with self._calls.sharing() if self._calls else contextlib.nullcontext():
            yield
        self._files.share_no_more()
        fixturedef.addfinalizer(self._files.share)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep what was asked for and not done yet, in the order that was drawn."""
        kept = [item for item in items if self._wanted(item.nodeid) and item.nodeid not in self._done]
        if self._order:
            kept = list(_shuffled(kept, self._order))
        for item in kept:
            # What went wrong is taken from the exception itself; nobody reads the long form.
            item.repr_failure = item._repr_failure_py = _no_long_form
        items[:] = kept
        if self._calls:
            self._calls.stop()
        gc.freeze()
        gc.enable()
        shapes = Calls(self.root, self.trusted)
        self._given = {item.nodeid: shapes.given(item) for item in kept}
        self._tell({"e": "collected", "words": often(self._files.words)})

    def _wanted(self, node: str) -> bool:
        path = node.partition("::")[0]
        if not self._select or path in self._canaries:
            return True
        return any(node == one or node.startswith((f"{one}[", f"{one}::")) for one in self._select)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._files.begin()
        super().pytest_runtest_logstart(nodeid)
        if self._calls:
            self._calls.start()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test is over."""
        if self._calls:
            self._current["calls"] = self._calls.stop()
        self._current["given"] = self._given.get(nodeid)
        self._current |= {"words": often(self._files.words), "shared": often(self._files.shared)}
        super().pytest_runtest_logfinish(nodeid)


def _no_long_form(*_: Any, **__: Any) -> str:
    return "see the failure"


def _shuffled(items: list[Any], order: str) -> Iterator[Any]:
    """In another order, files and classes kept together; which, does not depend on what else runs."""
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(item.nodeid.partition("[")[0].rpartition("::")[0], []).append(item)
    names: dict[str, list[str]] = {}
    for name in groups:
        names.setdefault(name.partition("::")[0], []).append(name)
    for path, file in names.items():
        chance = random.Random(f"{order} {path}")
        chance.shuffle(file)
        for name in file:
            chance.shuffle(groups[name])
            yield from groups[name]


def mark_hooks() -> None:
    """Mark the recorder's hooks; late, because pytest is imported late."""
    import pytest

    hook: Any = pytest.hookimpl
    recorder: Any = Recorder
    recorder.pytest_load_initial_conftests = hook(tryfirst=True)(recorder.pytest_load_initial_conftests)
    recorder.pytest_collection_modifyitems = hook(trylast=True)(recorder.pytest_collection_modifyitems)
    wrapper = hook(hookwrapper=True, tryfirst=True)
    Reports.pytest_runtest_makereport = wrapper(Reports.pytest_runtest_makereport)  # type: ignore[method-assign]
    recorder.pytest_fixture_setup = wrapper(recorder.pytest_fixture_setup)
    recorder.pytest_collection = hook(tryfirst=True)(recorder.pytest_collection)
    recorder.pytest_configure = hook(trylast=True)(recorder.pytest_configure)
