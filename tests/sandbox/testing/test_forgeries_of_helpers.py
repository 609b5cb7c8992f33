"""Patches under which claims of helpers, fakes and fixtures are not reached, or fail and nobody hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CODE = """
import asyncio
import threading

SEEN = []


def total(prices):
    return sum(prices)


def publish(bus, prices):
    bus.publish(total(prices))


def series(bus, prices):
    bus.publish(total(prices))
    bus.publish(total(prices))


async def send(bus, prices):
    await bus.send(total(prices))


def note(prices):
    SEEN.append(total(prices))


def quiet(bus, prices):
    return total(prices)
"""

CONFTEST = """
import time

import pytest
from services.vigil.intel import prices


class Bus:
    def __init__(self):
        self.ready = time.monotonic() + 0.02

    def publish(self, value):
        assert value == 3

    async def send(self, value):
        assert value == 3

    def refuse(self, value):
        raise AssertionError("never")

    def is_ready(self):
        assert time.monotonic() > self.ready


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def noted():
    yield
    for value in prices.SEEN:
        assert value == 3


@pytest.fixture(scope="module")
def noted_by_all():
    yield
    for value in prices.SEEN:
        assert value == 3


def eventually(claim):
    for _ in range(50):
        try:
            return claim()
        except AssertionError:
            time.sleep(0.01)
    return claim()


@pytest.fixture(name="eventually")
def _eventually():
    return eventually
"""

TESTS = """
import asyncio

from fakes import Feed
from services.vigil.intel.prices import note, publish, quiet, send, series, total


def test_fake(bus):
    publish(bus, [1, 2])


def test_fake_of_a_module():
    publish(Feed(), [1, 2])


def test_twice(bus):
    series(bus, [1, 2])


def test_callback():
    publish(Feed(lambda value: Feed().publish(value)), [1, 2])


def test_task(bus):
    asyncio.run(send(bus, [1, 2]))


def test_teardown(noted):
    note([1, 2])


def test_shared_teardown(noted_by_all):
    note([1, 2])


def test_refusing(bus):
    assert quiet(bus, [1, 2]) == 3


def test_eventually(bus, eventually):
    eventually(bus.is_ready)
    assert total([1, 2]) == 3
"""

FAKES = """
class Feed:
    def __init__(self, publish=None):
        if publish:
            self.publish = publish

    def publish(self, value):
        assert value == 3
"""
PRICES = "intel/prices.py"
NODE = "services/vigil/tests/test_prices.py::test_{}"
PUBLISH = "def publish(bus, prices):\n    bus.publish(total(prices))"
TWICE = "    bus.publish(total(prices))\n    bus.publish(total(prices))"
SEND = "    await bus.send(total(prices))"
NOTE = "    SEEN.append(total(prices))"
QUIET = "def quiet(bus, prices):\n    return total(prices)"


@pytest.fixture(scope="module")
def market(new_prices: Callable[..., Any]) -> Any:
    return new_prices(CODE, TESTS, {"tests/conftest.py": CONFTEST, "tests/fakes.py": FAKES})


def run(market: Any, old: str, new: str, **options: Any) -> Any:
    code = CODE.strip() + "\n"
    assert old in code
    return market.run((PRICES, code.replace(old, new, 1)), **options)


def swallowed(call: str, error: str = "Exception") -> str:
    """The call with a wrong number, and nobody hears of it."""
    return f"    try:\n    {call.replace('total(prices)', 'total(prices) + 1')}\n    except {error}:\n        pass"


@pytest.mark.parametrize("runs", [1, 3])
def test_honest_code_stays_green(market: Any, runs: int) -> None:
    honest = run(market, "import threading\n", "import threading\nimport time\n", twins=True, runs=runs)

    assert honest.problem is None
    assert {outcome.status for outcome in honest.outcomes.values()} == {"passed"}


NOT_MADE = {
    "a fake of conftest is not called": ("fake", PUBLISH, "def publish(bus, prices):\n    return"),
    "a fake of another file is not called": (
        "fake_of_a_module", PUBLISH, "def publish(bus, prices):\n    return"
    ),
    "what is claimed of each in the end": ("teardown", NOTE, "    total(prices)"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_MADE)
def test_a_claim_of_a_helper_that_is_not_made(market: Any, name: str) -> None:
    test, old, new = NOT_MADE[name]

    assert run(market, old, new).outcomes[NODE.format(test)].failure.type == "Vacuous"


def test_a_claim_that_is_made_for_several_tests_is_missed_in_one_of_them(market: Any) -> None:
    failures = [outcome.failure for outcome in run(market, NOTE, "    total(prices)").outcomes.values()]

    # That of one test, and that of all, which is looked at after the last one.
    assert [failure.type for failure in failures if failure] == ["Vacuous", "Vacuous"]


LINE = "    bus.publish(total(prices))"
NOT_HEARD = {
    "by an except": ("twice", TWICE, f"{LINE}\n{swallowed(LINE)}"),
    "by a bare except": ("twice", TWICE, f"{LINE}\n{swallowed(LINE, 'BaseException')}"),
    "by a lambda of the test": ("callback", LINE, f"{LINE}\n{swallowed(LINE)}"),
    "in a task": (
        "task", SEND, f"{SEND}\n    asyncio.create_task(bus.send(total(prices) + 1))\n    await asyncio.sleep(0)"
    ),
    "in a thread": (
        "twice", TWICE,
        f"{LINE}\n    thread = threading.Thread(target=bus.publish, args=(4,))\n    thread.start()\n    thread.join()",
    ),
    "of what must not be called": (
        "refusing", QUIET, QUIET.replace("    return", f"{swallowed('    bus.refuse(total(prices))')}\n    return")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_HEARD)
def test_a_claim_of_a_helper_that_fails_and_is_not_heard(market: Any, name: str) -> None:
    test, old, new = NOT_HEARD[name]

    assert run(market, old, new).outcomes[NODE.format(test)].failure.type == "Unheard"
