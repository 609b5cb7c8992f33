"""Patches that change with the code what its tests are given by it: parameters, tests, fixtures, what is looped over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CASES = "CASES = [([1, 2], 3), ([2, 2], 4)]"
CODE = f"""
import os

{CASES}
NAMES = ["one", "two"]


def total(prices):
    return sum(prices)


def cases():
    return [{{"given": given, "wanted": wanted}} for given, wanted in CASES]
"""
HEAD = """
import pytest
from services.vigil.intel import prices
from services.vigil.intel.prices import total

"""
TESTS = {
    "parameters with names": """
@pytest.mark.parametrize(("given", "wanted"), prices.CASES, ids=prices.NAMES)
def test_total(given, wanted):
    assert total(given) == wanted
""",
    "parameters by a hook": """
def pytest_generate_tests(metafunc):
    metafunc.parametrize("case", prices.cases())


def test_total(case):
    assert total(case["given"]) == case["wanted"]
""",
    "tests that are made": """
class TestAll:
    pass


for number, (given, wanted) in enumerate(prices.CASES):
    def each(self, given=given, wanted=wanted):
        assert total(given) == wanted
    setattr(TestAll, f"test_{number}", each)
""",
    "tests that are made by a function": """
def made(given, wanted):
    def each():
        assert total(given) == wanted
    return each


test_one, test_two = [made(*case) for case in prices.CASES]
""",
    "a claim of the module": """
for given, wanted in prices.CASES:
    assert total(given) == wanted


def test_loaded():
    assert prices.NAMES
""",
}
PRICES = "intel/prices.py"
BROKEN = (PRICES, "    return sum(prices)", "    return sum(prices) + 1")
IDLE = (PRICES, "import os\n", "import os\nimport time\n")


@pytest.mark.parametrize("name", TESTS)
def test_what_code_hands_to_its_tests_is_not_changed_with_it(
    new_prices: Callable[..., Any], name: str
) -> None:
    market = new_prices(CODE, HEAD + TESTS[name], {})
    other = "CASES = []" if name == "a claim of the module" else CASES.replace("3", "4").replace("4)]", "5)]")
    base, run = market.baseline(), market.run(BROKEN, (PRICES, CASES, other))

    assert {outcome.status for outcome in base.outcomes.values()} == {"passed"}
    assert {outcome.failure.type for outcome in run.outcomes.values()} == {"Vacuous"}
    assert {outcome.status for outcome in market.run(IDLE).outcomes.values()} == {"passed"}


CHECK = "def check(value):\n    assert value == 3\n"
FIXTURE = f"import pytest\n\n\n{CHECK}\n\n@pytest.fixture\ndef checked():\n    return check\n"
PLUG_INS = "pytest_plugins = ['services.vigil.intel.checks']\n"
KEPT = {
    "by what it holds": (
        "from services.vigil.intel.checks import checked\n",
        FIXTURE,
        "checked(total([1, 2]))",
    ),
    "by who names it": (PLUG_INS, CHECK, "check(total([1, 2]))"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_fixture_outside_of_the_tests_is_the_base_s(new_prices: Callable[..., Any], name: str) -> None:
    conftest, checks, claim = KEPT[name]
    head = HEAD if "checked" in claim else f"{HEAD}from services.vigil.intel.checks import check\n"
    fixture = "checked" if "checked" in claim else ""
    test = f"{head}\n\ndef test_total({fixture}):\n    {claim}\n"
    market = new_prices(CODE, test, {"tests/conftest.py": conftest, "intel/checks.py": checks})
    run = market.run(BROKEN, ("intel/checks.py", "    assert value == 3", "    return value"))

    assert market.baseline().passed("services/vigil/tests/test_prices.py::test_total")
    assert run.outcomes["services/vigil/tests/test_prices.py::test_total"].status == "failed"
    assert run.notes == ("services/vigil/intel/checks.py was run as the base has it",)
