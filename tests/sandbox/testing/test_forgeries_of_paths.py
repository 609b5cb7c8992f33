"""Patches that are green because the box finds another file than pytest does, or sets a stricter rule aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CODE = """
import json
import os


def total(prices):
    return sum(prices)
"""
TEST = """
from {} import {}
from services.vigil.intel.prices import total


def test_total():
    {}
"""
PLAIN = TEST.format("services.vigil.intel", "prices", "assert total([1, 2]) == 3")
PRICES = "intel/prices.py"
BROKEN = (PRICES, "    return sum(prices)", "    return sum(prices) + 1")
IDLE = (PRICES, "import os\n", "import os\nimport time\n")
NODE = "services/vigil/tests/test_prices.py::test_total"


def market_of(new_prices: Callable[..., Any], **files: str) -> Any:
    """A service with the code and a test above, and files below its folder."""
    return new_prices(CODE, PLAIN, files)


CHECK = "def check(value):\n    assert value == 3\n"
NO_CHECK = "def check(value):\n    return value\n"
BESIDE = {
    "a module": (
        {"tests/helpers.py": CHECK},
        TEST.format("helpers", "check", "check(total([1, 2]))"),
        (("helpers.py", NO_CHECK),),
    ),
    "a package": (
        {"tests/helpers.py": CHECK},
        TEST.format("helpers", "check", "check(total([1, 2]))"),
        (("helpers/__init__.py", "from .checks import check\n"), ("helpers/checks.py", NO_CHECK)),
    ),
    "a fake in a package": (
        {"tests/fakes/__init__.py": "", "tests/fakes/bus.py": CHECK},
        TEST.format("fakes.bus", "check", "check(total([1, 2]))"),
        (("fakes/__init__.py", ""), ("fakes/bus.py", NO_CHECK)),
    ),
    "a constant": (
        {"tests/wanted.py": "TOTALS = [3]\n"},
        TEST.format("wanted", "TOTALS", "assert total([1, 2]) in TOTALS"),
        (("wanted.py", "TOTALS = [4]\n"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_a_new_module_by_the_name_of_what_lies_beside_the_tests(
    new_prices: Callable[..., Any], name: str
) -> None:
    files, test, added = BESIDE[name]
    market = market_of(new_prices, **files, **{"tests/test_prices.py": test})
    run = market.run(BROKEN, *added)

    assert market.baseline().passed(NODE)
    assert not run.passed(NODE)
    assert run.tampering[0].startswith("shadowing: services/vigil/")


def test_what_lies_beside_the_tests_comes_first_whatever_code_puts_in_front(
    new_prices: Callable[..., Any],
) -> None:
    test = """
        from services.vigil.intel.prices import total
        from helpers import check


        def test_total():
            check(total([1, 2]))
        """
    market = market_of(new_prices, **{"tests/helpers.py": CHECK, "tests/test_prices.py": test})
    front = ("import os\n", "import os\nimport sys\n\nsys.path.insert(0, os.path.dirname(__file__))\n")
    both = ((PRICES, CODE.strip().replace(*front).replace(*BROKEN[1:]) + "\n"),)
    run = market.run(*both, ("intel/helpers.py", NO_CHECK))

    assert market.baseline().passed(NODE)
    assert run.outcomes[NODE].failure.type == "AssertionError"


def test_a_folder_of_tests_that_becomes_a_package_does_so_after_the_run(
    new_prices: Callable[..., Any],
) -> None:
    files = {
        "tests/helpers.py": CHECK,
        "tests/test_prices.py": TEST.format("helpers", "check", "check(total([1, 2]))"),
        "helpers.py": NO_CHECK,
    }
    run = market_of(new_prices, **files).run(BROKEN, ("tests/__init__.py", ""))

    assert run.outcomes[NODE].failure.type == "AssertionError"


def test_an_honest_new_module_by_a_name_of_its_own(new_prices: Callable[..., Any]) -> None:
    files = {
        "tests/helpers.py": CHECK,
        "tests/test_prices.py": TEST.format("helpers", "check", "check(total([1, 2]))"),
    }
    run = market_of(new_prices, **files).run(
        (PRICES, "import os\n", "import os\n\nfrom services.vigil.intel.fees import STEP\n"),
        (PRICES, "sum(prices)", "sum(prices) + STEP"),
        ("intel/fees.py", "STEP = 0\n"),
    )

    assert run.problem is None
    assert run.passed(NODE)


WARNS = (PRICES, "import os\n\n\ndef total(prices):\n", "import os\nimport warnings\n\n\ndef total(prices):\n"
         "    warnings.warn('old', DeprecationWarning)\n")  # fmt: skip
STRICT = {
    "a filter": "[pytest]\nfilterwarnings =\n    error\n    ignore::UserWarning\n",
    "an option": "[pytest]\naddopts = -q -W error\n",
    "a long option": "[pytest]\naddopts = --pythonwarnings=error::DeprecationWarning\n",
}


@pytest.mark.parametrize("name", STRICT)
def test_a_warning_that_the_base_makes_an_error(new_prices: Callable[..., Any], name: str) -> None:
    market = market_of(new_prices, **{"pytest.ini": STRICT[name]})

    assert market.run(WARNS).outcomes[NODE].failure.type == "DeprecationWarning"
    assert market.run(IDLE).passed(NODE)


READS = """
import {}
import os
PLACE = os.path.join(os.path.dirname(__file__), "..", {})


def total(prices):
    return sum(prices) + {}
"""
JSON = READS.format("json", '"tests", "step.json"', 'json.load(open(PLACE))["step"]')
ANY = READS.format("glob", '"tests", "*.json"', "int(open(glob.glob(PLACE)[0]).read()[-3])")
SETTINGS = READS.format("configparser", '"setup.cfg"', "int(open(PLACE).read()[-2])")
PROBE = "from services.vigil.intel.test.probe import STEP\n\n\ndef total(prices):\n    return sum(prices) + STEP\n"
LEANS = {
    "data of the tests": (JSON, "tests/step.json", '{"step": 0}\n'),
    "data of the tests by a pattern": (ANY, "tests/step.json", '{"step": 0}\n'),
    "settings": (SETTINGS, "setup.cfg", "[vigil]\nstep = 0\n"),
    "a module in a folder called test": (PROBE, "intel/test/probe.py", "STEP = 0\n"),
}


@pytest.mark.parametrize("name", LEANS)
def test_code_that_uses_a_file_of_the_tests_which_the_patch_changes(
    new_prices: Callable[..., Any], name: str
) -> None:
    code, path, text = LEANS[name]
    more = {"intel/test/__init__.py": ""} if "/test/" in path else {}
    market = market_of(new_prices, **{"intel/prices.py": code, path: text, **more})
    run = market.run((path, text.replace("0", "1")))

    assert market.baseline().passed(NODE)
    assert not run.passed(NODE)
    assert run.problem.startswith(
        f"overruled: services/vigil/{path} is run as the base has it, and services/"
    )


def test_a_file_of_the_tests_that_only_tests_use_may_change(new_prices: Callable[..., Any]) -> None:
    market = market_of(new_prices, **{"tests/step.json": '{"step": 0}\n'})
    run = market.run(IDLE, ("tests/step.json", '{"step": 1}\n'))

    assert run.problem is None
    assert run.notes == ("services/vigil/tests/step.json was run as the base has it",)
