"""The same lies where nothing static can see them: what remains catches them while they run.

The base holds every suspicious construct already, in a function that nobody calls, so that no
use of one is new. The patches then call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent, indent
from typing import Any

import pytest

TESTS = """
import unittest

import pytest

from services.vigil.intel.prices import total


def test_total():
    assert total([1, 2]) == 3


def test_total_raises():
    with pytest.raises(TypeError):
        total(None)


class PricesCase(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([2, 3]), 5)
"""

TRICKS = {
    "leaves at import": "os._exit(0)",
    "leaves in a thread": "threading.Timer(0.0, os._exit, [0]).start(); time.sleep(0.2)",
    "leaves by an exception": "raise SystemExit(0)",
    "interrupts": "raise KeyboardInterrupt",
    "skips the file": "pytest.skip('later', allow_module_level=True)",
    "ends the session": "pytest.exit('done', returncode=0)",
    "raises a skip": "raise unittest.SkipTest('later')",
    "forges reports": """
        for number in range(3, 1024):
            for node in ("test_total", "test_total_raises", "PricesCase::test_total"):
                event = {"e": "test", "node": "services/vigil/tests/test_prices.py::" + node,
                         "phases": {"setup": "passed", "call": "passed", "teardown": "passed"}, "words": []}
                try:
                    os.write(number, json.dumps(event).encode() + b"\\n")
                except OSError:
                    pass
        """,
    "forges the end": """
        for number in range(3, 1024):
            try:
                os.write(number, b'{"e": "end", "code": 0}\\n')
            except OSError:
                pass
        """,
    "forges the verdict": """
        for number in range(3, 1024):
            try:
                os.write(number, b'{"outcomes": {"services/vigil/tests/test_prices.py::test_total": {"status": "passed"}}}')
            except OSError:
                pass
        os._exit(0)
        """,
    "kills the supervisor": "os.kill(os.getppid(), 9); time.sleep(1)",
    "reads the supervisor": "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "reads the supervisor's descriptors": "os.listdir(f'/proc/{os.getppid()}/fd')",
    "rewrites the test's file": "open('/work/services/vigil/tests/test_prices.py', 'w').write('def test_total(): pass')",
    "rewrites another test's file": (
        "open('/work/services/vigil/tests/test_zeta.py', 'w').write('def test_total(): pass')"
    ),
    "neuters unittest": "unittest.TestCase.assertEqual = lambda *args: None",
    "neuters pytest.raises": "pytest.raises = lambda *args: contextlib.nullcontext()",
    "forges pytest's reports": """
        def forged(item, call):
            report = original(item, call)
            report.outcome = "passed"
            report.longrepr = None
            return report
        original = _pytest.reports.TestReport.from_item_and_call
        _pytest.reports.TestReport.from_item_and_call = forged
        """,
    "swallows what tests raise": """
        def swallow(func, when, reraise=None, **more):
            return original(lambda: contextlib.suppress(BaseException).__enter__(), when, reraise)
        original = _pytest.runner.CallInfo.from_call
        _pytest.runner.CallInfo.from_call = swallow
        """,
    "empties the test": """
        def emptied(item):
            item.obj = lambda *args, **more: None
            return original(item)
        original = _pytest.python.Function.runtest
        _pytest.python.Function.runtest = emptied
        """,
    "empties one test": """
        def emptied_once(item):
            if item.name == "test_total":
                item.obj = lambda *args, **more: None
            return original(item)
        original = _pytest.python.Function.runtest
        _pytest.python.Function.runtest = emptied_once
        """,
    "reads the running test's name": "if 'PYTEST_CURRENT_TEST' in os.environ: return sum(prices)",
    "looks at its caller": "CALLERS.append(sys._getframe(1).f_code.co_filename)",
    "traces its caller": "sys.settrace(lambda *event: None)",
    "finds the recorder": """
        for thing in gc.get_objects():
            if type(thing).__name__ == "_Recorder":
                thing._tell = lambda event: None
        """,
    "forks and stays": "os.fork()",
    "is equal to anything": "EQUAL.append(1)",
    "patches the builtins": "builtins.AssertionError = type('Nothing', (Exception,), {})",
    "hangs": "time.sleep(60)",
    "floods": "sys.stdout.write('x' * 50_000_000)",
}  # fmt: skip

CODE = """
import builtins
import contextlib
import gc
import json
import os
import sys
import threading
import time
import unittest

import pytest

import _pytest.python
import _pytest.reports
import _pytest.runner

CALLERS, EQUAL = [], []


class Anything(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


{at_import}


def total(prices):
{at_call}
    return Anything(sum(prices){error}) if EQUAL else sum(prices){error}


def never():
{elsewhere}
"""

FIRST_CALL = {
    "reads the running test's name",
    "looks at its caller",
    "traces its caller",
    "is equal to anything",
    "hangs",
}
"""What happens when the code is called; the rest happens when it is imported."""


def code(trick: str = "") -> str:
    """The service's code; with a trick, that is run, and the code is broken."""
    played = dedent(TRICKS.get(trick, "pass")).strip()
    rest = [
        f"if 0:\n{indent(dedent(text).strip(), '    ')}" for name, text in TRICKS.items() if name != trick
    ]
    now, later = ("pass", played) if trick in FIRST_CALL else (played, "pass")
    return CODE.format(
        at_import=now,
        at_call=indent(later, "    "),
        error=" + 1" if trick else "",
        elsewhere=indent("\n".join(rest), "    "),
    )


FILES = {
    "services/vigil/intel/__init__.py": "",
    "services/vigil/intel/prices.py": code(),
    "services/vigil/tests/test_prices.py": TESTS,
    "services/vigil/tests/test_zeta.py": TESTS,
}
LATER = "services/vigil/tests/test_zeta.py::test_total"
NODE = "services/vigil/tests/test_prices.py::test_total"
CASE = "services/vigil/tests/test_prices.py::PricesCase::test_total"
RAISES = "services/vigil/tests/test_prices.py::test_total_raises"


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(FILES)


def run(market: Any, trick: str, *select: str, twins: bool = False, **options: object) -> Any:
    patch = market.patch(("intel/prices.py", code(trick)))
    return market.bench(twins=twins, **options).run("vigil", market.head, patch, select)


STATUS = {
    "leaves at import": "error",
    "leaves in a thread": "error",
    "leaves by an exception": "error",
    "interrupts": "error",
    "skips the file": "missing",
    "ends the session": "error",
    "raises a skip": "missing",
    "reads the supervisor": "error",
    "reads the supervisor's descriptors": "error",
    "rewrites the test's file": "failed",
    "patches the builtins": "failed",
    "reads the running test's name": "failed",
}
"""Tricks that come to nothing: the test is simply not passed, with this status."""

TOLD = {
    "forges reports": "verdict: ",
    "neuters unittest": "verdict: ",
    "neuters pytest.raises": "verdict: ",
    "forges pytest's reports": "verdict: ",
    "swallows what tests raise": "verdict: ",
    "empties the test": "verdict: ",
    "empties one test": f"verdict: {NODE} was reported as passed, but its body did not run to its end",
    "looks at its caller": "run-time: ",
    "traces its caller": "run-time: ",
    "finds the recorder": "run-time: ",
    "forks and stays": "run-time: ",
}
"""Tricks that are seen through, and what is said of them."""


@pytest.mark.parametrize("trick", STATUS)
def test_a_trick_that_comes_to_nothing(market: Any, trick: str) -> None:
    result = run(market, trick)

    assert result.outcomes[NODE].status == STATUS[trick]
    assert not result.passed(NODE)


@pytest.mark.parametrize("trick", TOLD)
def test_a_trick_that_is_seen_through(market: Any, trick: str) -> None:
    result = run(market, trick)

    assert any(line.startswith(TOLD[trick]) for line in result.tampering), (result.problem, result.tampering)
    assert result.problem is not None
    assert not result.passed(NODE)


def test_a_test_that_is_rewritten_before_it_is_collected(market: Any) -> None:
    result = run(market, "rewrites another test's file")

    assert result.outcomes[LATER].status == "failed"


def test_a_forged_end_leaves_the_tests_missing(market: Any) -> None:
    result = run(market, "forges the end")

    assert not result.passed(NODE)


def test_what_is_written_to_other_descriptors_is_no_verdict(market: Any) -> None:
    result = run(market, "forges the verdict")

    assert not result.passed(NODE)


def test_without_a_supervisor_there_is_no_verdict(market: Any) -> None:
    result = run(market, "kills the supervisor")

    assert result.problem is not None
    assert not result.passed(NODE)


def test_an_object_that_equals_everything_gives_itself_away_in_the_twins(market: Any) -> None:
    result = run(market, "is equal to anything", twins=True)

    assert any(line.startswith("twin: ") for line in result.tampering), result.tampering
    assert not result.passed(NODE)


def test_a_test_that_hangs_is_not_passed_and_the_others_go_on(market: Any) -> None:
    result = run(market, "hangs", NODE, RAISES, test_s=0.5)

    assert result.outcomes[NODE].status == "error"
    assert result.outcomes[NODE].failure.type == "Timeout"
    assert result.outcomes[RAISES].status == "error"


def test_a_flood_is_bounded(market: Any) -> None:
    result = run(market, "floods")

    assert len(result.output) < 20_000
    assert not result.passed(NODE)
