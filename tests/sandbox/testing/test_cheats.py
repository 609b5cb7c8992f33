"""Patches that lie about their tests: none is green, and it is said which defence caught it.

Each breaks `total`, which a test of the base asserts, and tries to look as if it had not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import dedent
from typing import Any

import pytest

from sandbox import patch as patches
from sandbox.scope import Refused

CODE = """
import json
import os
import sys


def total(prices):
    return sum(prices)


def label(price):
    return f"{price:.1f}"


NAMES = ("SPX", "NDX")
"""

TESTS = """
import unittest

import pytest

from services.vigil.intel.prices import NAMES, label, total


def test_total():
    assert total([1, 2]) == 3


def test_total_raises():
    with pytest.raises(TypeError):
        total(None)


def test_label():
    assert label(1.25) == "1.2"


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert name.isupper()


class PricesCase(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total([2, 3]), 5)
"""

FILES = {
    "services/vigil/intel/__init__.py": "",
    "services/vigil/intel/prices.py": CODE,
    "services/vigil/tests/conftest.py": "",
    "services/vigil/tests/test_prices.py": TESTS,
}

NODE = "services/vigil/tests/test_prices.py::test_total"
PRICES, TEST = "intel/prices.py", "tests/test_prices.py"
BROKEN = (PRICES, "    return sum(prices)", "    return sum(prices) + 1")


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(FILES)


def test_the_base_is_green(market: Any) -> None:
    run = market.baseline()

    assert run.problem is None
    assert {outcome.status for outcome in run.outcomes.values()} == {"passed"}


def test_the_broken_patch_is_red(market: Any) -> None:
    run = market.run(BROKEN)

    assert run.problem is None
    assert run.outcomes[NODE].status == "failed"


OVERRULED = {
    "deletes the test file": [(TEST,)],
    "renames the test file": [(TEST,), ("tests/test_other.py", TESTS)],
    "deletes the test": [(TEST, "def test_total():\n    assert total([1, 2]) == 3\n", "")],
    "skips the test": [(TEST, "def test_total():", "@pytest.mark.skip\ndef test_total():")],
    "expects the test to fail": [(TEST, "def test_total():", "@pytest.mark.xfail\ndef test_total():")],
    "weakens the assertion": [(TEST, "assert total([1, 2]) == 3", "assert total([1, 2])")],
    "rewrites conftest.py": [
        (
            "tests/conftest.py",
            "import pytest\n\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
            '    outcome = yield\n    outcome.get_result().outcome = "passed"\n',
        )
    ],
    "adds a conftest.py that ignores": [("conftest.py", 'collect_ignore_glob = ["*"]\n')],
    "adds a conftest.py that patches": [
        ("conftest.py", "import services.vigil.intel.prices as p\n\np.total = sum\n"),
    ],
    "adds pytest.ini": [("pytest.ini", "[pytest]\naddopts = -k nothing --co\n")],
    "adds setup.cfg": [("tests/setup.cfg", "[tool:pytest]\naddopts = --deselect test_prices.py\n")],
    "adds pyproject.toml": [
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "-p services.vigil.evil"\n')
    ],
}


@pytest.mark.parametrize("name", OVERRULED)
def test_tests_and_settings_are_the_base_s(market: Any, name: str) -> None:
    run = market.run(BROKEN, *OVERRULED[name])

    assert run.outcomes[NODE].status == "failed"
    assert run.notes != ()


REFUSED = {
    "sitecustomize": ("sitecustomize.py", "raise SystemExit(0)\n", "startup-hook"),
    "usercustomize": ("usercustomize.py", "raise SystemExit(0)\n", "startup-hook"),
    "a .pth file": ("tests.pth", "import os\n", "startup-hook"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_run_by_themselves_do_not_pass_the_gate(market: Any, name: str) -> None:
    path, text, rule = REFUSED[name]
    with pytest.raises(Refused) as refused:
        market.patch(BROKEN, (path, text))

    assert refused.value.rule == rule


HEAD = "import json\nimport os\nimport sys\n"
STATIC = {
    "reads the running test's name": ("test-detection", 'TEST = os.environ.get("PYTEST" + "_CURRENT_TEST")'),
    "imports pytest": ("test-detection", "import pytest"),
    "raises a skip": ("test-detection", "from unittest import SkipTest"),
    "looks for pytest among the modules": ("interpreter-hooks", 'TESTED = "py" + "test" in sys.modules'),
    "looks at its caller": ("caller-inspection", "CALLER = sys._getframe"),
    "looks at its caller by inspect": ("caller-inspection", "import inspect\nSTACK = inspect.stack"),
    "looks at its caller by an exception": (
        "caller-inspection",
        "def where(error):\n    return error.args[0].tb_frame.f_back",
    ),
    "looks at its caller by logging": ("caller-inspection", "import logging\nWHO = logging.Logger('x').findCaller"),
    "looks at its caller by a warning": (
        "caller-inspection",
        "import warnings\n\n\ndef who():\n    warnings.warn('x', stacklevel=3)",
    ),
    "looks at its coroutine": ("caller-inspection", "def who(task):\n    return task.get_coro().cr_frame"),
    "leaves at import": ("process-exit", "os._exit(0)"),
    "leaves at exit": ("process-exit", "import atexit\n\natexit.register(print)"),
    "leaves by a finalizer": ("process-exit", "import weakref\n\nweakref.finalize(json, print)"),
    "traces": ("interpreter-hooks", "sys.settrace(None)"),
    "audits": ("interpreter-hooks", "sys.addaudithook(print)"),
    "walks the heap": ("interpreter-hooks", "import gc"),
    "writes memory": ("interpreter-hooks", "import ctypes"),
    "hooks into imports": ("interpreter-hooks", "sys.meta_path.insert(0, None)"),
    "patches a builtin": ("interpreter-hooks", "import builtins\n\nbuiltins.sum = max"),
    "patches a module": ("patching", "json.loads = max"),
    "patches by setattr": ("patching", "setattr(json, 'loads', max)"),
    "patches by an alias": ("module-as-value", "parser = json\nparser.loads = max"),
    "patches by a loop": ("patching", "for json.loads in [max]:\n    pass"),
    "private parts by import": ("module-as-value", "from threading import _start_new_thread"),
    "a class of a metaclass": ("double-underscore", "Odd = type(TypeError)('', (TypeError,), {})"),
    "finds os elsewhere": ("module-as-value", "import logging\n\nlogging.os.abort()"),
    "reads a computed attribute": ("dynamic-attribute", "def read(x, name):\n    return getattr(x, name)"),
    "reads an attribute by operator": (
        "dynamic-attribute",
        "import operator\n\n\ndef read(x, name):\n    return operator.attrgetter(name)(x)",
    ),
    "goes through the object model": ("double-underscore", "BASE = ().__class__.__base__"),
    "hides a double underscore": ("double-underscore", "NAME = '__glob' + 'als__'"),
    "runs text": ("dynamic-code", "exec('x = 1')"),
    "runs text in an annotation": ("dynamic-code", "def run(x: 'exec(1)'):\n    pass"),
    "unpickles": ("unsafe-loading", "import pickle"),
    "opens a descriptor": ("raw-descriptor", "open(3, 'w')"),
    "opens a descriptor by os": ("raw-descriptor", "os.fdopen(3, 'w')"),
    "reads /proc": ("process-files", "open('/proc/self/maps')"),
    "kills": ("processes", "os.kill(1, 9)"),
    "forks": ("processes", "os.fork()"),
    "starts a program": ("processes", "import subprocess"),
    "is equal to anything": ("own-operators", "class Any:\n    def __eq__(self, other):\n        return True"),
    "is nearly equal": ("own-operators", "class Near:\n    def __eq__(self, other):\n        return other < 9"),
    "is smaller than anything": ("own-operators", "class Low:\n    def __lt__(self, other):\n        return self.at <= other.at"),
    "counts how often it is asked": (
        "own-operators",
        "class Odd:\n    def __eq__(self, other):\n        self.n += 1\n        return self.n == other.n",
    ),
    "takes an operator from elsewhere": ("own-operators", "class Odd:\n    __eq__ = max"),
    "gives sums as it likes": ("own-operators", "class Odd:\n    def __sub__(self, other):\n        return 0"),
    "holds anything": ("own-operators", "class Odd(str):\n    def __contains__(self, other):\n        return True"),
    "says that it is another type": (
        "own-operators", "class Odd:\n    @property\n    def __class__(self):\n        return int",
    ),
    "is registered as a number": ("own-operators", "from numbers import Number\n\nNumber.register(Odd)"),
    "leaves a field out": (
        "own-operators", "from dataclasses import field\n\nPRICE = field(default=0, compare=False)",
    ),
    "orders by a function": ("own-operators", "from functools import cmp_to_key\n\nKEY = cmp_to_key(max)"),
    "is called an error": ("patching", "PriceError = Exception"),
    "takes a builtin's name": ("patching", "def abs(value):\n    return 0"),
    "rounds for everybody": ("patching", "import decimal\n\ndecimal.setcontext(None)"),
    "silences warnings": ("patching", "import warnings\n\nwarnings.simplefilter('ignore')"),
    "keeps a mock's books": ("test-detection", "def publish(bus):\n    bus.publish.call_count = 1"),
    "defines a claim": ("test-detection", "class Odd:\n    def assertIn(self, *values):\n        return None"),
    "bends a claim": ("test-detection", "def publish(owner):\n    owner.assertIn = print"),
    "makes a class by type()": ("double-underscore", "Any = type('Any', (int,), {})"),
}  # fmt: skip


@pytest.mark.parametrize("name", STATIC)
def test_what_no_service_needs_is_tampering(market: Any, name: str) -> None:
    rule, code = STATIC[name]
    try:
        run = market.run(BROKEN, (PRICES, "import json\nimport os\nimport sys\n", f"{HEAD}{code}\n"))
    except Refused as refused:
        assert refused.rule == "detects-tests"  # the gate itself was first
        return

    assert run.problem is not None
    assert run.problem.startswith("tampering: ")
    assert rule in {line.split(":")[0] for line in run.tampering}
    assert f"services/vigil/{PRICES}" in run.tampering[0]
    assert not run.passed(NODE)


def test_what_a_service_did_before_is_not_held_against_it(new_market: Callable[..., Any]) -> None:
    code = f"import gc\n{CODE.strip()}\nCOUNT = len(gc.get_objects())\n"
    market = new_market({**FILES, "services/vigil/intel/prices.py": code})

    run = market.run((PRICES, "    return sum(prices)", "    return sum(list(prices))"))

    assert run.problem is None
    assert run.passed(NODE)


def test_what_the_service_s_history_holds_is_not_held_against_it(new_market: Callable[..., Any]) -> None:
    market = new_market({**FILES, "services/vigil/intel/debug.py": "import gc\n\nCOUNT = gc.get_count()\n"})
    old = market.head
    market.commit({"services/vigil/intel/debug.py": None}, "forgotten")
    patch = patches.from_edits(
        market.private(),
        market.head,
        "vigil",
        [patches.Edit(path="services/vigil/intel/debug.py", restore=old)],
    )

    run = market.bench().run("vigil", market.head, patch)

    assert run.problem is None
    assert run.passed(NODE)


@pytest.mark.parametrize("name", ["json.py", "pytest.py", "redis/__init__.py"])
def test_a_module_under_another_s_name_is_refused(market: Any, name: str) -> None:
    try:
        run = market.run(BROKEN, (name, "x = 1\n"))
    except Refused as refused:
        assert refused.rule == "shadows-module"
        return

    assert run.tampering[0].startswith("shadowing: ")


def test_fewer_parameters_are_missing_tests(market: Any) -> None:
    run = market.run((PRICES, 'NAMES = ("SPX", "NDX")', 'NAMES = ("SPX",)'))

    assert run.outcomes["services/vigil/tests/test_prices.py::test_names[SPX]"].status == "passed"
    assert run.outcomes["services/vigil/tests/test_prices.py::test_names[NDX]"].status == "missing"


def test_a_module_from_elsewhere_is_no_proof(new_market: Callable[..., Any]) -> None:
    # The base puts /tmp in front; the patch fills it.
    code = CODE.replace("import sys\n", "import sys\n\nsys.path.insert(0, '/tmp')\n")
    other = "services/vigil/intel/steps.py"
    market = new_market(
        {
            **FILES,
            "services/vigil/intel/prices.py": code + "\nfrom helper import STEP\n",
            "services/vigil/helper.py": "STEP = 1\n",
            other: "",
        }
    )
    run = market.run(
        (
            PRICES,
            "def total",
            "with open('/tmp/helper.py', 'w') as copy:\n    copy.write('STEP = 1')\n\n\ndef total",
        ),
    )

    assert run.problem is not None
    assert "/tmp/helper.py" in run.problem


def test_the_wrong_tree_is_noticed_on_the_base_too(new_market: Callable[..., Any]) -> None:
    elsewhere = """
        import os
        import sys

        os.makedirs("/tmp/other/services/vigil/intel", exist_ok=True)
        with open("/tmp/other/services/vigil/intel/prices.py", "w") as copy:
            copy.write("def total(prices): return sum(prices)")
        sys.path.insert(0, "/tmp/other")
        """
    market = new_market(
        {
            "services/vigil/intel/prices.py": CODE,
            "services/vigil/tests/conftest.py": elsewhere,
            "services/vigil/tests/test_prices.py": "from services.vigil.intel.prices import total\n\n\n"
            "def test_total():\n    assert total([1]) == 1\n",
        }
    )
    run = market.baseline()

    assert run.problem == (
        "origin: services.vigil.intel.prices was imported from /tmp/other/services/vigil/intel/prices.py, "
        "not from the tree under test"
    )


def test_a_flaky_test_can_only_lose(new_market: Callable[..., Any]) -> None:
    flaky = """
        import time


        def test_flaky():
            assert time.time_ns() // 1000 % 2 == 0


        def test_order():
            assert not seen
            seen.append(1)


        seen = []


        def test_order_too():
            assert not seen
            seen.append(1)
        """
    market = new_market({**FILES, "services/vigil/tests/test_flaky.py": flaky})

    run = market.baseline(runs=6)

    assert run.outcomes[NODE].status == "passed"
    assert run.outcomes["services/vigil/tests/test_flaky.py::test_order"].status == "failed"


def test_new_tests_may_not_reach_into_the_interpreter(market: Any) -> None:
    test = dedent("""
        from services.vigil.intel.prices import total


        def test_total():
            exec("total([1])")
        """)
    run = market.run(BROKEN, ("tests/test_new.py", test))

    assert run.tampering[0].startswith("dynamic-code: services/vigil/tests/test_new.py:6 ")
