"""Patches that do away with who would tell: the plain run, the twins, and what the tests compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
