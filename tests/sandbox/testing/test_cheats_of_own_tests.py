"""A patch's own tests steer pytest, or speak for tests that are not theirs: nothing of that is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest

from sandbox.inside.testrun.encode import encode

CODE = "def total(prices):\n    return sum(prices)\n"
TESTS = """
from services.vigil.intel.prices import total


def test_total():
    assert total([1, 2]) == 3
"""
NODE = "services/vigil/tests/test_prices.py::test_total"
NEW, NEW_PATH = "tests/test_new.py", "services/vigil/tests/test_new.py"
BROKEN = ("intel/prices.py", "sum(prices)", "len(prices)")
REACH = """
import importlib

tool = importlib.import_module("py" + "test")
known = vars(tool)["It" + "em"]
"""


@pytest.fixture
def market(new_market: Callable[..., Any]) -> Any:
    return new_market({"services/vigil/intel/prices.py": CODE, "services/vigil/tests/test_prices.py": TESTS})


SPEAKS_FOR_OTHERS = f"""{REACH}
own = known.nodeid
known.nodeid = property(lambda self: own.fget(self).replace("test_new", "test_prices"))
if own:
    def test_total():
        assert 1 + 1 == 2
"""


@pytest.mark.parametrize("runs", [1, 3])
def test_own_tests_that_report_under_another_s_name(market: Any, runs: int) -> None:
    run = market.run(BROKEN, (NEW, SPEAKS_FOR_OTHERS), runs=runs)
    assert run.outcomes[NODE].status == "failed"
    told = f"strange: a test run of {NEW_PATH} tells of {NODE}, which is not in it"
    assert told in run.tampering
    assert run.problem is not None


def test_a_module_of_the_tests_in_the_place_of_the_service_s(market: Any) -> None:
    # `services` is no package of its own: what lies below the tests' folder is found first.
    decoy = ("tests/services/vigil/intel/prices.py", CODE)
    run = market.run(BROKEN, decoy)
    assert run.problem is not None
    assert run.problem.startswith("origin: services.vigil.intel.prices was imported from ")
    assert "/tests/services/vigil/intel/prices.py" in run.problem


def test_own_tests_do_not_run_beside_the_base_s_where_pytest_is_plain(market: Any) -> None:
    # By plain pytest the service's folder is not on the path: an own test would put it there for all.
    fees = (
        ("intel/prices.py", "def total", "from fees import STEP\n\n\ndef total"),
        ("fees.py", "STEP = 0\n"),
    )
    helps = """
        import sys

        sys.path.insert(0, __file__.partition("/tests")[0])


        def test_new():
            assert 1 + 1 == 2
        """
    run = market.run(*fees, ("tests/test_added.py", dedent(helps)), runs=2)
    assert run.outcomes[NODE].status == "error"
    assert run.outcomes["services/vigil/tests/test_added.py::test_new"].status == "passed"


HOOKS = {
    "def pytest_generate_tests": "def pytest_generate_tests(metafunc):\n    pass\n",
    "pytest.Item": "import pytest\n\nown = pytest.Item.nodeid\n",
    "tool.Function": "import pytest as tool\n\nown = tool.Function\n",
    "pytest": "import pytest\n\nown = getattr(pytest, 'Item')\n",
    "_pytest.runner": "import _pytest.runner\n",
    "_pytest.runner.runtestprotocol": "from _pytest.runner import runtestprotocol\n",
    "pytest.hookimpl": "from pytest import hookimpl\n",
    "pytest_plugins": "pytest_plugins = ['services.vigil.intel.prices']\n",
    "request.node": "def test_other(request):\n    request.node.obj = None\n",
    "pluginmanager": "def test_other(pytestconfig):\n    pytestconfig.pluginmanager.unregister('x')\n",
}


@pytest.mark.parametrize("detail", HOOKS)
def test_own_tests_that_steer_pytest_are_refused(market: Any, detail: str) -> None:
    run = market.run(BROKEN, (NEW, f"{dedent(HOOKS[detail])}\n\ndef test_new():\n    assert 1 + 1 == 2\n"))
    (told,) = [text for text in run.tampering if text.endswith(f"({detail})")]
    assert told.startswith(f"test-hooks: {NEW_PATH}:")


def test_own_tests_may_use_what_pytest_has_for_tests(market: Any) -> None:
    test = """
        import pytest
        from pytest import approx

        from services.vigil.intel.prices import total


        @pytest.fixture
        def prices(request):
            return [1, 2]


        @pytest.mark.parametrize("more", [pytest.param(3, id="three"), 4])
        def test_more(prices, more, monkeypatch):
            monkeypatch.setenv("MORE", str(more))
            assert total([*prices, more]) == approx(3 + more)


        def test_none():
            with pytest.raises(TypeError):
                total(None)
        """
    run = market.run(("intel/prices.py", "sum(prices)", "sum(list(prices))"), (NEW, dedent(test)))
    assert run.tampering == ()
    assert {how.status for how in run.outcomes.values()} == {"passed"}


REWRITES = """
import json

import pytest


@pytest.fixture
def told():
    yield
    raise ValueError("at its end")


def test_own(told, monkeypatch):
    dumps, passed = json.dumps, {"setup": "passed", "call": "passed", "teardown": "passed"}

    def dump(value, **more):
        return dumps({**value, "phases": passed, "failure": None} if "phases" in value else value, **more)

    monkeypatch.setattr(json, "dumps", dump)
    monkeypatch.setattr(monkeypatch, "undo", lambda: None)
    assert 1 + 1 == 2
"""


@pytest.mark.parametrize("runs", [1, 3])
def test_what_is_told_of_a_test_is_not_rewritten_on_its_way(market: Any, runs: int) -> None:
    run = market.run((NEW, REWRITES), runs=runs)
    assert run.outcomes[f"{NEW_PATH}::test_own"].status == "error"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        1.5,
        'a\n"b"\\ \x00 \u20ac \U0001f4c8 \ud800',
        [],
        {},
        [1, ("a", {"b": [None, {}]})],
        {1: "c"},
    ],
)
def test_events_are_the_json_that_everybody_reads(value: object) -> None:
    assert json.loads(encode(value)) == json.loads(json.dumps(value))
