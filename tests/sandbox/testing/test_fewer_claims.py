"""Patches under which tests claim less: of nothing at all, or of fewer things than on the base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TESTS = """
import pytest
from services.vigil.intel.prices import half, latest, rows


def test_rows():
    for row in rows([1, 2, 3]):
        assert row > 0


def test_all():
    assert all(row > 0 for row in rows([1, 2, 3]))


def test_found():
    assert any(row > 1 for row in rows([1, 2, 3]))


def test_halves():
    for value in half([1, 2]):
        assert value < 2


def test_no_half_is_odd():
    assert not any(value > 2 for value in half([1, 2]))


def test_latest():
    assert latest([]) is None


@pytest.mark.parametrize("prices", [[], [2]])
def test_each_half(prices):
    for value in half(prices):
        assert value == 1


def test_some_halves():
    for value in half([1, 2]):
        if value > 5:
            assert value < 7


def test_names_of_halves():
    assert [value + 1 for value in half([])] == []
"""
CODE = """
def rows(prices):
    return [price for price in prices]


def half(prices):
    return [price / scale for price in prices]


def latest(prices):
    return prices[-1]
"""
PRICES, FILE = "intel/prices.py", "services/vigil/tests/test_prices.py"
ROWS = "    return [price for price in prices]"
HALF = "    return [price / scale for price in prices]"
GUARD = ("    return prices[-1]", "    return prices[-1] if prices else None")
"""It takes no claim away."""


@pytest.fixture(scope="module")
def market(new_prices: Callable[..., Any]) -> Any:
    return new_prices(CODE, TESTS, {})


def run(market: Any, *changes: tuple[str, str], more: tuple[tuple[str, str], ...] = (), runs: int = 1) -> Any:
    code = CODE.strip() + "\n"
    for old, new in changes:
        assert old in code
        code = code.replace(old, new, 1)
    return market.run((PRICES, code), *more, runs=runs)


@pytest.mark.parametrize("runs", [1, 3])
def test_a_claim_that_is_not_made_any_more_is_named(market: Any, runs: int) -> None:
    result = run(market, (ROWS, "    return []"), runs=runs)

    node = f"{FILE}::test_rows"
    assert result.outcomes[node].status == "failed"
    assert result.outcomes[node].failure.message.startswith(f"{FILE}:8 makes no claim any more")
    assert any(note.startswith(f"{node} passes, and {FILE}:8 makes no claim") for note in result.notes)


@pytest.mark.parametrize("runs", [1, 3])
def test_fewer_claims_than_on_the_base_are_to_be_looked_at(market: Any, runs: int) -> None:
    result = run(market, (ROWS, "    return prices[1:]"), runs=runs)

    assert result.passed(f"{FILE}::test_rows")
    assert set(result.fewer) == {
        f"{FILE}:8 makes 2 of 3 claims with the patch (test_rows)",
        f"{FILE}:12 makes 2 of 3 claims with the patch (test_all)",
    }


def test_as_many_claims_as_on_the_base_are_nothing_to_look_at(market: Any) -> None:
    assert run(market, GUARD).fewer == ()


def test_claims_whose_number_is_not_the_same_each_time_are_not_compared(
    new_prices: Callable[..., Any],
) -> None:
    tests = (
        "import random\nfrom services.vigil.intel.prices import latest\n\n\n"
        "def test_some():\n    for _ in range(1 + random.SystemRandom().randrange(10**6) % 97):\n"
        "        assert latest([1]) == 1\n"
    )
    result = run(new_prices(CODE, tests, {}), GUARD, runs=4)

    assert result.passed(f"{FILE}::test_some")
    assert result.fewer == ()


IDLE = {"a loop": ("test_halves", 21), "what is said of none": ("test_no_half_is_odd", 25)}


@pytest.mark.parametrize("name", IDLE)
def test_a_test_that_failed_and_now_claims_something_of_nothing(market: Any, name: str) -> None:
    test, line = IDLE[name]
    result = run(market, (HALF, "    return []"))

    assert result.outcomes[f"{FILE}::{test}"].failure.message == f"{FILE}:{line} makes no claim"


MENDED = (HALF, HALF.replace("scale", "2"))


@pytest.mark.parametrize(
    "test", ["halves", "no_half_is_odd", "each_half[prices0]", "some_halves", "names_of_halves"]
)
def test_a_test_that_failed_and_passes_by_what_it_claims(market: Any, test: str) -> None:
    assert run(market, MENDED).passed(f"{FILE}::test_{test}")


NEW = """
    from services.vigil.intel.prices import half


    def test_new():
        for value in half([1, 2]):
            assert value < 2
"""


@pytest.mark.parametrize(("change", "status"), [((HALF, "    return []"), "failed"), (MENDED, "passed")])
def test_a_new_test_that_claims_something_of_nothing(
    market: Any, change: tuple[str, str], status: str
) -> None:
    more = (("tests/test_new.py", NEW),)
    result = run(market, change, more=more)

    assert result.outcomes["services/vigil/tests/test_new.py::test_new"].status == status
