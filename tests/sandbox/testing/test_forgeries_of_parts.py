"""A fourth attacker's patches: the part of a claim that told is not reached any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

TESTS = """
from services.vigil.intel.prices import make


def test_all():
    assert all(value == 3 for value in make([1, 2]))


def test_list():
    assert not [value for value in make([1, 2]) if value != 3]


def test_or():
    found = make([1, 2])
    assert not found or found[0] == 3


def test_either():
    found = make([1, 2])
    assert found[0] == 3 if found else True
"""
CODE = """
import os


def total(prices):
    return sum(prices)


def make(prices):
    return [total(prices)]
"""
PRICES = "intel/prices.py"
NODE = "services/vigil/tests/test_prices.py::test_{}"


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(
        {
            "services/vigil/intel/__init__.py": "",
            f"services/vigil/{PRICES}": CODE,
            "services/vigil/tests/test_prices.py": TESTS,
        }
    )


def test_honest_change_is_green(market: Any) -> None:
    result = market.run((PRICES, "import os\n", "import os\nimport time\n"), twins=True)

    assert result.problem is None
    assert {outcome.status for outcome in result.outcomes.values()} == {"passed"}


@pytest.mark.parametrize("name", ["all", "list", "or", "either"])
def test_a_part_of_a_claim_that_is_not_reached(market: Any, name: str) -> None:
    result = market.run((PRICES, "    return [total(prices)]", "    return []"), twins=True)

    assert result.tampering or not result.passed(NODE.format(name))


def test_the_second_of_two_claims_need_not_be_reached(new_market: Callable[..., Any]) -> None:
    claims = "from services.vigil.intel.prices import make\n\n\ndef test_x():\n    assert make([]) == [1] or make([]) == [0]\n"
    market = new_market({f"services/vigil/{PRICES}": CODE, "services/vigil/tests/test_prices.py": claims})
    result = market.run((PRICES, "[total(prices)]", "[total(prices) + 1]"))

    assert result.passed(NODE.format("x"))
