"""Patches whose broken code tells a test run from the world, or speaks in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox.scope import Refused

CODE = """
import logging
import os
import sys


def total(prices):
    return sum(prices)
"""
TESTS = """
from services.vigil.intel.prices import total


def test_total(caplog):
    assert total([1, 2]) == 3
"""
PRICES = "intel/prices.py"
SUM = "    return sum(prices)\n"
NODE = "services/vigil/tests/test_prices.py::test_total"


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(
        {
            "services/vigil/intel/__init__.py": "",
            "services/vigil/intel/prices.py": CODE,
            "services/vigil/tests/__init__.py": "",
            "services/vigil/tests/test_prices.py": TESTS,
        }
    )


def rules(run: Any) -> set[str]:
    return {line.split(":")[0] for line in run.tampering}


SIGNS = {
    "the class of the standard output": "type(sys.stdout).__name__ != 'EncodedFile'",
    "its name": "sys.stdout.name == '<stdout>'",
    "handlers of the root logger": "not any('Live' in n or 'Capture' in n for n in handlers())",
    "the environment": "not any('BYTECODE' in name or 'TEST' in name for name in os.environ)",
}


QUICK = ("the class of the standard output", "handlers of the root logger")


@pytest.mark.parametrize(
    "sign", [sign if sign in QUICK else pytest.param(sign, marks=pytest.mark.slow) for sign in SIGNS]
)
def test_a_test_run_looks_like_any_other(market: Any, sign: str) -> None:
    wrong = f"    return sum(prices) + ({SIGNS[sign]})\n"
    names = "\n\ndef handlers():\n    return [type(one).__name__ for one in logging.getLogger().handlers]\n"
    run = market.run((PRICES, SUM, wrong + names))

    assert run.outcomes[NODE].status == "failed", "the broken code took the run for the real world"


AWAY = {
    "data of the tests": ("tests/fast.json", "/../tests/fast.json"),
    "settings": ("tox.ini", "/../tox.ini"),
}


@pytest.mark.parametrize("name", AWAY)
def test_a_file_that_is_not_there_when_the_base_s_tests_run(market: Any, name: str) -> None:
    path, seen = AWAY[name]
    wrong = f"    return sum(prices) + os.path.exists(os.path.dirname(__file__) + '{seen}')\n"
    run = market.run((PRICES, SUM, wrong), (path, "{}\n"))

    assert rules(run) == {"test-detection"}
    assert not run.passed(NODE)


def test_a_module_that_is_not_there_when_the_base_s_tests_run(market: Any) -> None:
    wrong = (
        "\n\ntry:\n    from ..tests import quirk\nexcept ImportError:\n    quirk = None\n\n\n"
        "def total(prices):\n    return sum(prices) + (quirk is not None)\n"
    )

    with pytest.raises(Refused) as refused:
        market.patch((PRICES, f"\n\ndef total(prices):\n{SUM}", wrong), ("tests/quirk.py", "x = 1\n"))
    assert refused.value.rule == "detects-tests"


SPOKEN = """
import json

KEPT = []


def speak():
    phases = {{"setup": "passed", "call": "passed", "teardown": "passed"}}
    told = {{"e": "test", "node": "{node}", "phases": phases, "words": []}}
    for number in range(3, 1024):
        try:
            channel = open(number, "wb", buffering=0)
            KEPT.append(channel)
            channel.write(json.dumps(told).encode() + b"\\n")
        except (OSError, ValueError):
            continue
"""


def test_a_verdict_spoken_into_every_descriptor(market: Any) -> None:
    wrong = "    speak()\n    return sum(prices) + 1\n"
    code = (CODE.strip() + "\n").replace("import sys\n", "import sys\n" + SPOKEN.format(node=NODE))
    run = market.run((PRICES, code.replace(SUM, wrong)))

    assert not run.passed(NODE)
    assert run.tampering


@pytest.mark.slow
def test_a_handler_of_pytest_s_that_was_given_another_stream(market: Any) -> None:
    wrong = (
        "    class Quiet:\n        def getvalue(self):\n            raise GeneratorExit\n\n"
        "        def write(self, text):\n            return None\n\n"
        "    for handler in logging.getLogger().handlers:\n        handler.stream = Quiet()\n"
        "    return sum(prices) + 1\n"
    )
    run = market.run((PRICES, SUM, wrong))

    assert not run.passed(NODE)
