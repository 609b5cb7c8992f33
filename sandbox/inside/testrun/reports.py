"""What becomes of each test, as events: the phases of it and what went wrong, as pytest reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import frames


class Reports:
    """A plug-in of pytest that tells of each test and each file that cannot be collected.

    root   where the tree lies
    tell   takes the events
    """

    def __init__(self, root: str, tell: Callable[[dict[str, Any]], None]) -> None:
        self.root = root
        self._tell = tell
        self._current: dict[str, Any] = {}

    def name_of(self, node: str) -> str:
        """A node id of pytest's, relative to the tree."""
        return node

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """A file that cannot be collected."""
        import pytest

        if isinstance(node, pytest.Collector):
            failure = frames.failure(call.excinfo.value, self.root)
            self._tell({"e": "collect", "node": self.name_of(node.nodeid or node.name), "failure": failure})

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        name = self.name_of(nodeid)
        self._current = {"e": "test", "node": name, "phases": {}}
        self._tell({"e": "start", "node": name})

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
        self._tell(self._current)
