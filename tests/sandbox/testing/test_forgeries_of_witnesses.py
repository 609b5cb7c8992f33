"""Patches that do away with who would tell: the plain run, the twins, and what the tests compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PRICES = "intel/prices.py"
NODE = "services/vigil/tests/test_prices.py::test_total"
IMPORT = "from services.vigil.intel.prices import total\n\n\n"
CODE = "import os\n\n\ndef total(prices):\n    return sum(prices)\n"
TEST = f"{IMPORT}def test_total():\n    assert total([1, 2]) == 3\n"
IDLE = (PRICES, "import os\n", "import os\nimport time\n")

UNCOLLECTED = {
    "code that is called like a test and cannot be imported": (
        "intel/load_test.py",
        [("intel/load_test.py", "import os\n\nLIMIT = int(os.environ.get('LOAD', 'none'))\n")],
    ),
    "two modules of code by one name, like a test's": (
        "tools/load_test.py",
        [("jobs/load_test.py", "LIMIT = 1\n"), ("tools/load_test.py", "LIMIT = 1\n")],
    ),
}


@pytest.mark.parametrize("name", UNCOLLECTED)
def test_a_file_that_stops_plain_pytest(new_prices: Callable[..., Any], name: str) -> None:
    file, changes = UNCOLLECTED[name]
    run = new_prices(CODE, TEST, {}).run(*changes, runs=2)

    assert run.problem.startswith(f"plain: services/vigil/{file} cannot be collected by plain pytest")


def test_a_file_that_stops_plain_pytest_on_the_base_is_not_held_against_a_patch(
    new_prices: Callable[..., Any],
) -> None:
    market = new_prices(CODE, TEST, {"intel/load_test.py": "LIMIT = int('none')\n"})

    assert market.run(IDLE, runs=2).passed(NODE)


def test_a_new_test_that_cannot_be_collected_speaks_for_itself(new_prices: Callable[..., Any]) -> None:
    new = "import nothing_there\n\n\ndef test_new():\n    assert nothing_there\n"
    run = new_prices(CODE, TEST, {}).run(IDLE, ("tests/test_new.py", new), runs=2)

    assert run.passed(NODE)
    assert run.outcomes["services/vigil/tests/test_new.py::test_new"].status == "error"


ANSWERS = "    return sum(prices)\n"


def second(what: str) -> str:
    """Code with a kind that equals what it is compared with first, and does something at the second question.

    The service has it already: what a patch brings of that kind the static look refuses.
    """
    lines = [
        *(
            "",
            "",
            "class Sum:",
            "    asked = 0",
            "",
            "    def __eq__(self, other):",
            "        self.asked += 1",
        ),
        *("        if self.asked > 1:", f"            {what}", "        return self is not other", ""),
    ]
    return CODE.replace("import os\n", "import os\nimport time\n") + "\n".join(lines)


KILLED = ["raise KeyboardInterrupt", "raise SystemExit(0)", "time.sleep(1000)"]


@pytest.mark.parametrize("what", KILLED)
def test_a_twin_that_is_killed(new_prices: Callable[..., Any], what: str) -> None:
    market = new_prices(second(what), TEST, {})
    bench = market.bench(twins=True, test_s=3.0)
    patch = market.patch((PRICES, ANSWERS, "    return Sum()\n"))
    run = bench.run(market.service, market.head, patch)

    assert run.problem.startswith(f"tampering: twin: {NODE} ")


ENDS = """

class Sum:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        if self.value != other:
            raise SystemExit(0)
        return True


class Odd:
    def __eq__(self, other):
        return self is not other
"""


def test_a_twin_that_is_ended_before_the_claim_that_tells(new_prices: Callable[..., Any]) -> None:
    market = new_prices(CODE + ENDS, f"{TEST}    assert total([2, 2]) == 4\n", {})
    wrong = "    return Sum(sum(prices)) if prices[0] == 1 else Odd()\n"
    run = market.run((PRICES, ANSWERS, wrong), twins=True)

    assert run.problem.startswith(f"tampering: twin: {NODE} does not come to its end")


def test_a_twin_of_unittest_that_is_killed(new_prices: Callable[..., Any]) -> None:
    test = f"import unittest\n\n{IMPORT}class Case(unittest.TestCase):\n    def test_total(self):\n"
    base = second("raise KeyboardInterrupt")
    market = new_prices(base, f"{test}        self.assertEqual(total([1, 2]), 3)\n", {})

    assert "twin: " in market.run((PRICES, ANSWERS, "    return Sum()\n"), twins=True).problem


ODD = {
    "a claim that uses up what it is made of": "assert 3 in (each for each in [total([1, 2])])",
    "a helper that fails by pytest.fail": "assert_total(total([1, 2]), 3)",
    "a return on the way": "if total([1, 2]) == 3:\n        return\n    assert False",
    "anything will do": "assert total([1, 2]) == ANY",
}
HEAD = "from unittest.mock import ANY\n\nimport pytest\n"
CHECK = "def assert_total(value, wanted):\n    if value != wanted:\n        pytest.fail('other')\n    return True\n\n\n"


@pytest.mark.parametrize("name", ODD)
def test_honest_tests_with_odd_twins(new_prices: Callable[..., Any], name: str) -> None:
    market = new_prices(CODE, f"{HEAD}{IMPORT}{CHECK}def test_total():\n    {ODD[name]}\n", {})

    assert market.run(IDLE, twins=True).passed(NODE)


def test_one_claim_that_always_holds_excuses_no_other(new_prices: Callable[..., Any]) -> None:
    test = f"{HEAD}{IMPORT}def test_total():\n    assert total([1]) == ANY\n    assert total([1, 2]) == 3\n"
    market = new_prices(second("return True"), test, {})
    run = market.run((PRICES, ANSWERS, "    return Sum()\n"), twins=True)

    assert run.tampering == (f"twin: {NODE} passes also when its claim is turned around",)


GOLDEN = f"""
import json
from pathlib import Path

{IMPORT}def test_total():
    got = total([1, 2])
    assert got == json.loads(Path(__file__).with_name("wanted.json").read_text())
"""
WALK = "for folder, _, names in os.walk('.'):\n        for name in names:\n            if name == 'wanted.json':\n"
BESIDE = "os.path.join(os.path.dirname(__file__), '..', 'te' 'sts', '{}')"
WRITTEN = {
    "what is compared with, by its path": (
        "wanted.json",
        f"with open({BESIDE.format('wanted.json')}, 'w') as file:\n        file.write('-1')\n    return -1",
    ),
    "what is compared with, by walking": (
        "wanted.json",
        f"{WALK}                with open(os.path.join(folder, name), 'w') as file:\n"
        "                    file.write('-1')\n    return -1",
    ),
    "a test": ("test_prices.py", f"os.remove({BESIDE.format('test_prices.py')})\n    return sum(prices)"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_of_the_tests_that_is_changed_while_they_run(
    new_prices: Callable[..., Any], name: str
) -> None:
    file, body = WRITTEN[name]
    market = new_prices(CODE, GOLDEN, {"tests/wanted.json": "3\n"})
    run = market.run((PRICES, "    return sum(prices)", f"    {body}"))

    told = f"services/vigil/tests/{file}, which belongs to the tests, is changed while they run"
    assert run.tampering == (f"material: {told}",)


def test_a_file_that_the_tests_themselves_write(new_prices: Callable[..., Any]) -> None:
    write = "\n\ndef test_write():\n    Path(__file__).with_name('seen.txt').write_text('3')\n"
    market = new_prices(CODE, GOLDEN + write, {"tests/wanted.json": "3\n", "tests/seen.txt": ""})

    assert market.run(IDLE, twins=True).passed(NODE)


CHANGES = "\n\ntry:\n    from {} import TOTALS\nexcept ImportError:\n    TOTALS = []\nTOTALS.append(4)\n"
WANTED = f"from {{}} import TOTALS\n{IMPORT}def test_total():\n    assert total([1, 2]) in TOTALS\n"
PACKAGE = "services.vigil.__tests__.wanted"
HELPERS = {
    "beside the tests": ("tests", "wanted", "wanted"),
    "in a package of the tests": ("__tests__", PACKAGE, PACKAGE),
    "from the package around": ("__tests__", PACKAGE, "..__tests__.wanted"),
    "from the service's folder": ("__tests__", PACKAGE, "__tests__.wanted"),
}


@pytest.mark.parametrize("name", HELPERS)
def test_code_that_imports_what_the_tests_compare_with(new_prices: Callable[..., Any], name: str) -> None:
    folder, module, by = HELPERS[name]
    market = new_prices(CODE, WANTED.format(module), {f"{folder}/wanted.py": "TOTALS = [3]\n"})
    wrong = (PRICES, "sum(prices)", "sum(prices) + 1")
    run = market.run((PRICES, "import os\n", f"import os\n{CHANGES.format(by)}"), wrong)

    assert run.problem.startswith(f"tampering: test-detection: services/vigil/{PRICES}:5 imports ")
    assert market.run(IDLE).passed(NODE)


def test_code_may_import_what_is_called_like_a_helper(new_prices: Callable[..., Any]) -> None:
    more = {"tests/utils.py": "TOTALS = [3]\n", "intel/utils.py": "STEP = 0\n"}
    market = new_prices(CODE, WANTED.format("services.vigil.tests.utils"), more)

    for module in (".utils", "services.vigil.intel.utils"):
        assert market.run((PRICES, "import os\n", f"import os\nfrom {module} import STEP\n")).passed(NODE)
