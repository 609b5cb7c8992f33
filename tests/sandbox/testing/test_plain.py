"""The plain run among the runs of a proof: what passes in the box and not by pytest as a person runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

CODE = '''
import os


def total(prices):
    """
    >>> total([2, 2])
    4
    """
    return sum(prices)
'''
TEST = """
from {} import total


def test_total():
    assert total([1, 2]) == 3
"""
PRICES = "intel/prices.py"
NODE = "services/vigil/tests/test_prices.py::test_total"
FULL = TEST.format("services.vigil.intel.prices")
IDLE = (PRICES, "import os\n", "import os\nimport time\n")
BROKEN = (PRICES, "    return sum(prices)", "    return sum(prices) + 1")
FEES = ((PRICES, "import os\n", "import os\n\nfrom fees import STEP\n"), ("fees.py", "STEP = 0\n"))
NOTE = f"{NODE} passes in the box, and not by plain pytest: "


@pytest.mark.parametrize("runs", [2, 3])
def test_a_module_that_only_the_box_finds(new_prices: Callable[..., Any], runs: int) -> None:
    market = new_prices(CODE, FULL, {})
    run = market.run(*FEES, runs=runs)

    assert run.problem is None
    assert run.outcomes[NODE].status == "error"
    assert run.notes == (f"{NOTE}ModuleNotFoundError: No module named 'fees'",)
    assert market.run(IDLE, runs=runs, twins=True).passed(NODE)


PATH_TELLS = """
from services.vigil.intel import prices


def test_where_it_lies():
    assert prices.total([int("'/work/" in str(prices)), 2]) == {}
"""
LIES = "services/vigil/tests/test_own.py::test_where_it_lies"


def test_own_tests_beside_which_the_base_s_cannot_be_collected(new_prices: Callable[..., Any]) -> None:
    # Pytest takes no two modules of one name from folders that are no packages.
    market = new_prices(CODE, FULL, {})
    run = market.run(IDLE, ("tests/more/test_prices.py", FULL), runs=2)
    assert run.outcomes[NODE].status == "error"
    assert run.notes[0].startswith(NOTE)
    assert "'/work/services/vigil/tests/more/test_prices.py'" in run.notes[0]
    assert market.run(IDLE, ("tests/more/test_more.py", FULL), runs=2).passed(NODE)


@pytest.mark.parametrize("claim", ["2", "3"])
def test_the_path_of_the_tree_tells_of_no_box(new_prices: Callable[..., Any], claim: str) -> None:
    run = new_prices(CODE, FULL, {}).run(IDLE, ("tests/test_own.py", PATH_TELLS.format(claim)), runs=2)
    assert run.outcomes[LIES].status == "failed"


def test_what_fails_on_the_base_in_the_box_alone_has_not_failed(new_prices: Callable[..., Any]) -> None:
    market = new_prices(CODE, FULL, {})
    only_there = market.run(("tests/test_own.py", PATH_TELLS.format("2")), runs=2)
    assert only_there.outcomes[LIES].status == "missing"
    assert only_there.notes == (f"{LIES} fails in the box, and passes by plain pytest",)
    everywhere = market.run(("tests/test_own.py", PATH_TELLS.format("7")), runs=2)
    assert everywhere.outcomes[LIES].status == "failed"
    assert market.run(("tests/test_own.py", PATH_TELLS.format("2"))).outcomes[LIES].status == "failed"


def test_one_run_has_none_that_is_plain(new_prices: Callable[..., Any]) -> None:
    # The service's folder is on the path where `python services/vigil/main.py` starts it.
    assert new_prices(CODE, FULL, {}).run(*FEES).passed(NODE)


def test_what_cannot_be_run_plainly_on_the_base_is_not_held_against_a_patch(
    new_prices: Callable[..., Any],
) -> None:
    market = new_prices(CODE, TEST.format("intel.prices"), {})
    run = market.run(IDLE, runs=2)

    assert run.passed(NODE)
    assert run.notes == ()
    assert market.run(BROKEN, runs=2).outcomes[NODE].status == "failed"


SETTINGS = {
    "doctests": ("addopts = --doctest-modules", f"services/vigil/{PRICES}::intel.prices.total"),
    "other names of files": (
        "python_files = test_*.py prices_checks.py",
        "services/vigil/tests/prices_checks.py::test_same",
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_test_that_only_plain_pytest_runs_is_missed_where_it_breaks(
    new_prices: Callable[..., Any], name: str
) -> None:
    line, node = SETTINGS[name]
    checks = FULL.replace("test_total", "test_same").replace("[1, 2]) == 3", "[2, 2]) == 4")
    more = {"tests/prices_checks.py": checks, "pytest.ini": f"[pytest]\n{line}\n"}
    market = new_prices(CODE, FULL, more)
    run = market.run((PRICES, "sum(prices)", "sum(prices) + (prices[0] == prices[1])"), runs=2)

    assert run.outcomes[NODE].status == "passed"
    assert run.problem.startswith(
        f"plain: {node} passes by plain pytest on the base, and not with the patch: "
    )
    assert market.run(IDLE, runs=2).problem is None


OWN = "tests/test_own.py"


@pytest.mark.parametrize("base", ["intel.prices", "services.vigil.intel.prices"])
def test_a_test_of_the_patch_that_passes_in_the_box_alone(new_prices: Callable[..., Any], base: str) -> None:
    """Only where tests of the base show that there is another way."""
    market = new_prices(CODE, TEST.format(base), {})
    run = market.run(IDLE, (OWN, TEST.format("intel.prices")), runs=2)

    assert run.passed(f"services/vigil/{OWN}::test_total") == (base == "intel.prices")
    assert run.passed(NODE)


def test_a_plain_run_has_the_surroundings_of_a_person(new_prices: Callable[..., Any]) -> None:
    # What only the box is like shows there, in code and in tests.
    market = new_prices(CODE, FULL, {})
    boxed = (PRICES, "    return sum(prices)", "    return sum(prices) * (1 - len(os.environ) // 20)")
    run = market.run(boxed, runs=2)
    assert run.outcomes[NODE].status == "failed"
    assert run.notes[0].startswith(NOTE)
    test = "import os\n\n\ndef test_own(tmp_path):\n    assert '-of-box' in str(tmp_path)\n"
    own = "services/vigil/tests/test_own.py::test_own"
    assert market.run(IDLE, ("tests/test_own.py", test), runs=2).outcomes[own].status == "failed"


def test_own_tests_run_plainly_where_the_base_has_none(new_market: Callable[..., Any]) -> None:
    market = new_market({"services/vigil/intel/prices.py": CODE})
    test = "import os\n\n\ndef test_own():\n    assert len(os.environ) < 20\n"
    own = "services/vigil/tests/test_own.py::test_own"
    assert market.run(IDLE, ("tests/test_own.py", test)).passed(own)
    assert not market.run(IDLE, ("tests/test_own.py", test), runs=2).passed(own)


def test_settings_above_the_service_hold(new_prices: Callable[..., Any]) -> None:
    """Such as a conftest.py between it and the repository, whose claims are the tests', too."""
    market = new_prices(CODE, FULL, {"../conftest.py": CONFTEST})
    run = market.run((PRICES, "import os\n\n", "import os\n\nLIMIT = 4\n"))

    assert market.baseline().passed(NODE)
    assert run.outcomes[NODE].status == "error"


CONFTEST = """
import pytest
from services.vigil.intel import prices


@pytest.fixture(autouse=True)
def no_limit():
    yield
    assert not hasattr(prices, "LIMIT")
"""
