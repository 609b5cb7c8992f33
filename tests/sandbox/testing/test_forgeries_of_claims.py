"""Patches under which a claim, or the part of one that told, is not reached; and code that looks for new tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

TESTS = """
import pytest
from services.vigil.intel.prices import Feed, total, series, make


class FakeBus:
    def __init__(self):
        self.seen = []
    def publish(self, channel, value):
        assert value == 3
        self.seen.append(value)


def check(value):
    assert value == 3


def test_while():
    feed = Feed([1, 2])
    while feed.more():
        assert feed.next() in (1, 2)


def test_fake_of_module():
    Feed([1, 2]).publish(FakeBus())


def test_fake_inside():
    class Bus:
        def publish(self, channel, value):
            assert value == 3
    Feed([1, 2]).publish(Bus())


def test_lambda():
    Feed([1, 2]).each(lambda value: check(value))


def test_two_items():
    with Feed([1, 2]) as feed, pytest.raises(ValueError):
        feed.parse("x")


def test_if():
    found = make([1, 2])
    if found:
        assert found[0] == 3


def test_match():
    match make([1, 2]):
        case [only]:
            assert only == 3
        case _:
            pass


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


def test_second():
    assert make([]) == [1] or make([]) == [0]


def test_plain():
    assert total([1, 2]) == 3
"""

CODE = """
import os


def total(prices):
    return sum(prices)


def series(prices):
    return [total(prices)]


def make(prices):
    return [total(prices)]


class Feed:
    def __init__(self, prices):
        self.prices = list(prices)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return False

    def more(self):
        return bool(self.prices)

    def next(self):
        return self.prices.pop(0)

    def publish(self, bus):
        bus.publish("total", total(self.prices))

    def each(self, callback):
        callback(total(self.prices))

    def parse(self, text):
        return int(text)
"""

PRICES = "intel/prices.py"
SENDS = '        bus.publish("total", total(self.prices))'
GIVES = "        callback(total(self.prices))"
LIST = "def make(prices):\n    return [total(prices)]"
NOTHING = "def make(prices):\n    return []"
NODE = "services/vigil/tests/test_prices.py::test_{}"


def swallowed(line: str) -> str:
    """The line with a wrong number, and nobody hears of it."""
    wrong = line.replace("total(self.prices)", "total(self.prices) + 1")
    return f"        try:\n    {wrong}\n        except Exception:\n            pass"


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(
        {
            "services/vigil/intel/__init__.py": "",
            f"services/vigil/{PRICES}": CODE,
            "services/vigil/tests/test_prices.py": TESTS,
        }
    )


def run(
    market: Any, *changes: tuple[str, str], more: tuple[tuple[str, str], ...] = (), twins: bool = False
) -> Any:
    code = CODE.strip() + "\n"
    for old, new in changes:
        assert old in code
        code = code.replace(old, new, 1)
    return market.run((PRICES, code), *more, twins=twins)


@pytest.mark.parametrize("twins", [False, True])
def test_the_base_is_green(market: Any, twins: bool) -> None:
    honest = run(market, ("import os\n", "import os\nimport time\n"), twins=twins)

    assert honest.problem is None
    assert {outcome.status for outcome in honest.outcomes.values()} == {"passed"}


UNREACHED = {
    "a while loop": ("while", [("return bool(self.prices)", "return False")]),
    "a fake that claims, of the module": ("fake_of_module", [(SENDS, "        pass")]),
    "a fake that claims and is not heard": ("fake_of_module", [(SENDS, swallowed(SENDS))]),
    "a fake that claims, of the test": ("fake_inside", [(SENDS, "        pass")]),
    "a helper that claims": ("lambda", [(GIVES, swallowed(GIVES))]),
    "a branch": ("if", [(LIST, NOTHING)]),
    "a pattern": ("match", [(LIST, NOTHING)]),
    "what is said of each": ("all", [(LIST, NOTHING)]),
    "the condition of a list": ("list", [(LIST, NOTHING)]),
    "what comes after `or`": ("or", [(LIST, NOTHING)]),
    "one of two": ("either", [(LIST, NOTHING)]),
}


@pytest.mark.parametrize("name", UNREACHED)
def test_a_claim_that_held_on_the_base_is_not_made(market: Any, name: str) -> None:
    test, changes = UNREACHED[name]
    result = run(market, *changes)

    assert result.outcomes[NODE.format(test)].failure.type == "Vacuous"


def test_the_second_of_two_claims_need_not_be_reached(market: Any) -> None:
    result = run(market, (LIST, LIST.replace("total(prices)", "total(prices) + 1")))

    assert result.passed(NODE.format("second"))


def test_a_block_that_swallows_what_should_have_been_raised(market: Any) -> None:
    result = run(market, ("        return False", "        return True"), ("return int(text)", "return 0"))

    assert not result.passed(NODE.format("two_items"))
    assert result.tampering


NEW_TEST = "def test_x():\n    assert True\n"
TOP = "os.path.dirname(os.path.dirname(__file__))"
IMPORTED = {
    "a folder of tests by its other name": ("__tests__/quirk.py", "services.vigil.__tests__", "quirk"),
    "a module that is called like a test": ("intel/load_test.py", "services.vigil.intel", "load_test"),
}
COUNTED = {
    "all files": ("tests/test_new.py", f"sum(len(files) for _, _, files in os.walk({TOP})) > 3"),
    "one folder": ("spec_test.py", f"len(os.listdir({TOP})) > 2"),
}


def broken_if(condition: str, head: str = "") -> tuple[tuple[str, str], ...]:
    head = head or f"ODD = {condition}\n"
    return ("import os\n", f"import os\n\n{head}"), ("return sum(prices)", "return sum(prices) + bool(ODD)")


@pytest.mark.parametrize("name", IMPORTED)
def test_code_that_imports_what_comes_with_the_new_tests(market: Any, name: str) -> None:
    path, package, module = IMPORTED[name]
    head = f"try:\n    from {package} import {module} as ODD\nexcept ImportError:\n    ODD = None\n"
    result = run(market, *broken_if("", head), more=((path, NEW_TEST),))

    assert any(f"imports {module}, which belongs to the patch's tests" in line for line in result.tampering)


@pytest.mark.parametrize("name", COUNTED)
def test_code_that_counts_files_sees_the_new_tests_too(market: Any, name: str) -> None:
    path, condition = COUNTED[name]
    result = run(market, *broken_if(condition), more=((path, NEW_TEST),))

    assert result.outcomes[NODE.format("plain")].status == "failed"
