"""What an attacker with our source tried in patched service code, and what stopped it.

Each patch breaks `total` and means to be green. None uses what `test_cheats` shows to be refused;
these are the ways around that were found, and are closed.
"""

from __future__ import annotations

import importlib.util
import marshal
from collections.abc import Callable, Mapping
from typing import Any

import pytest

TESTS = """
import asyncio
from unittest.mock import Mock

import pytest

from services.vigil.intel.prices import Feed, publish, series, total


def test_total():
    assert total([1, 2]) == 3


def test_block():
    with Feed() as feed:
        assert feed.total([1, 2]) == 3


def test_loop():
    for value in series([1, 2]):
        assert value in (1, 3)


def test_async():
    async def go():
        assert total([1, 2]) == 3

    asyncio.run(go())


def test_mock():
    bus = Mock()
    publish(bus, [1, 2])
    bus.publish.assert_called_once_with("total", 3)


def test_callback():
    seen = []

    def on_total(value):
        assert value == 3
        seen.append(value)

    Feed().each([1, 2], on_total)


def test_helper():
    check(total([1, 2]))


def check(value):
    assert value == 3
"""

CODE = """
import asyncio
import json
import os
import sys


def total(prices):
    return sum(prices)


def series(prices):
    return [total(prices[: end + 1]) for end in range(len(prices))]


def publish(bus, prices):
    bus.publish("total", total(prices))


class Feed:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return False

    def total(self, prices):
        return total(prices)

    def each(self, prices, callback):
        callback(total(prices))
"""

ODD = """
class Near:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return abs(self.value - other) < 3


class Yes:
    def __call__(self, *args):
        return None

    def __getattr__(self, name):
        return self
"""
"""What a service has is not held against it. A patch may not bring it: `test_cheats`."""

FILES = {
    "services/vigil/intel/__init__.py": "",
    "services/vigil/intel/odd.py": ODD,
    "services/vigil/intel/prices.py": CODE,
    "services/vigil/tests/test_prices.py": TESTS,
}
PRICES = "intel/prices.py"
BROKEN = ("    return sum(prices)", "    return sum(prices) + 1")


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(FILES)


def forged(market: Any, *changes: tuple[str, str], twins: bool = False, **files: str) -> Any:
    """Run the broken code with further replacements in it."""
    code = CODE.strip() + "\n"
    for old, new in (BROKEN, *changes):
        assert old in code
        code = code.replace(old, new, 1)
    more = [(f"intel/{name}.py", text) for name, text in files.items()]
    return market.run((PRICES, code), *more, twins=twins)


def node(name: str) -> str:
    return f"services/vigil/tests/test_prices.py::{name}"


def rules(run: Any) -> set[str]:
    return {line.split(":")[0] for line in run.tampering}


def test_the_base_is_green_also_beside_its_twins(market: Any) -> None:
    run = market.run((PRICES, "import json\n", "import json\nimport time\n"), twins=True)

    assert run.problem is None
    assert {outcome.status for outcome in run.outcomes.values()} == {"passed"}


def test_a_block_that_swallows_the_assertion(market: Any) -> None:
    run = forged(market, ("        return False", "        return True"))

    assert run.outcomes[node("test_block")].failure.type == "Vacuous"


def test_a_loop_over_nothing(market: Any) -> None:
    run = forged(
        market, ("    return [total(prices[: end + 1]) for end in range(len(prices))]", "    return []")
    )

    assert run.outcomes[node("test_loop")].failure.type == "Vacuous"


def test_a_callback_whose_failure_is_swallowed(market: Any) -> None:
    swallow = (
        "        try:\n            callback(total(prices))\n        except AssertionError:\n            pass"
    )
    run = forged(market, ("        callback(total(prices))", swallow))

    assert run.outcomes[node("test_callback")].failure.type == "Vacuous"


def test_an_event_loop_that_runs_nothing(market: Any) -> None:
    lazy = """

class Lazy(asyncio.SelectorEventLoop):
    def run_until_complete(self, future):
        return future.close() if asyncio.iscoroutine(future) else super().run_until_complete(future)


class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return Lazy()


asyncio.set_event_loop_policy(Policy())


def total(prices):"""
    run = forged(market, ("\ndef total(prices):", lazy))

    assert not run.passed(node("test_async"))


def test_a_mock_whose_question_is_answered_beforehand(market: Any) -> None:
    kind = "    bus.publish.assert_called_once_with = lambda *args: None\n    bus.publish("
    seen = forged(market, ("    bus.publish(", kind))
    hidden = "    from services.vigil.intel.odd import Yes\n\n    bus.publish = Yes()\n    bus.publish("
    unseen = forged(market, ("    bus.publish(", hidden), twins=True)

    assert rules(seen) == {"test-detection"}
    assert "twin" in rules(unseen)


def test_a_number_that_is_near_enough(market: Any) -> None:
    near = (
        "from services.vigil.intel.odd import Near\n\n\ndef total(prices):\n    return Near(sum(prices) + 1)"
    )
    run = forged(market, ("def total(prices):\n    return sum(prices) + 1", near), twins=True)

    assert f"twin: {node('test_total')} passes also when its claim is turned around" in run.tampering
    assert f"twin: {node('test_helper')} passes also when its claim is turned around" in run.tampering


def test_code_that_is_written_and_then_imported(market: Any) -> None:
    writer = (
        "with open(os.path.dirname(__file__) + '/later.py', 'w') as file:\n"
        "    file.write('im' + 'port g' + 'c')\n\nfrom services.vigil.intel import later\n\n\ndef total(prices):"
    )
    run = forged(market, ("def total(prices):", writer))

    assert rules(run) == {"run-time"}
    assert "services/vigil/intel/later.py: import of a file that was just written" in run.tampering[0]


def test_code_that_is_rewritten_before_it_is_imported(market: Any) -> None:
    writer = (
        "path = os.path.dirname(__file__) + '/later.py'\nbefore = os.stat(path)\nwith open(path, 'w') as file:\n"
        "    file.write('x = 2')\nos.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))\n\n"
        "from services.vigil.intel import later\n\n\ndef total(prices):"
    )
    run = forged(market, ("def total(prices):", writer), later="x = 1")

    assert rules(run) == {"run-time"}


def test_a_compiled_file_beside_the_source_is_not_looked_at(market: Any) -> None:
    # A compiled file that need not be checked against its source, as compileall makes them.
    body = marshal.dumps(compile("x = 1", "later.py", "exec"))
    compiled = (importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + body).hex()
    writer = (
        "folder = os.path.dirname(__file__) + '/__py' + os.sep[:0] + 'cache__'\nos.makedirs(folder, exist_ok=True)\n"
        "with open(folder + '/later.' + sys.implementation.cache_tag + '.pyc', 'wb') as file:\n"
        f"    file.write(bytes.fromhex('{compiled}'))\n\nfrom services.vigil.intel import later\n\n\ndef total(prices):"
    )
    by_x = ("    return sum(prices) + 1", "    return sum(prices) + 1 - later.x")
    run = forged(market, ("def total(prices):", writer), by_x, later="x = 0")

    assert run.tampering == ()
    assert run.outcomes[node("test_total")].status == "failed"


def test_a_module_from_a_folder_that_was_just_made(market: Any) -> None:
    writer = (
        "with open('/tmp/later.py', 'w') as file:\n    file.write('x = 1')\n\nsys.path.insert(0, '/tmp')\n"
        "import later\n\n\ndef total(prices):"
    )
    run = forged(market, ("def total(prices):", writer))

    assert "/tmp/later.py: import of a file that was just written" in run.tampering[0]


def test_an_installed_package_keeps_its_name(market: Any) -> None:
    vendored = (
        "sys.path.insert(0, os.path.dirname(__file__) + '/vendor')\nimport click\n\n\ndef total(prices):"
    )
    check = "    return sum(prices) + 1 if hasattr(click, 'echo') else sum(prices)"
    run = forged(market, ("def total(prices):", vendored), ("    return sum(prices) + 1", check))
    changes = [
        (
            PRICES,
            CODE.strip().replace("def total(prices):", vendored).replace("    return sum(prices)", check),
        )
    ]
    shadowed = market.run(*changes, ("intel/vendor/click.py", "x = 1\n"))

    assert run.outcomes[node("test_total")].status == "failed"
    assert shadowed.outcomes[node("test_total")].status == "failed"


SEEN = {
    "a class pattern": ("double-underscore", "match total:\n        case object(__globals__=found):\n            pass"),
    "a class pattern for frames": ("caller-inspection", "match prices:\n        case object(gi_frame=found):\n            pass"),
    "getattr under another name": ("dynamic-attribute", "read = getattr\n    read(total, prices)"),
    "getattr handed on": ("dynamic-attribute", "list(map(getattr, prices, prices))"),
    "an imported module under another name": (
        "patching",
        "from json import decoder\n\n    other = decoder\n    other.scanstring = total",
    ),
    "os by way of a submodule": ("interpreter-hooks", "from logging import handlers\n\n    handlers.os"),
    "a nested annotation": ("dynamic-code", "found: list['exec(1)'] = []"),
    "text deeper than can be read": ("dynamic-code", "return " + "+".join(["1"] * 3000)),
    "a comprehension's target": ("patching", "[0 for json.loads in [total]]"),
    "a starred target": ("patching", "*json.loads, _ = prices"),
    "a wrapper of something else": (
        "patching",
        "import functools\n\n    functools.update_wrapper(total, series, assigned=['x'])",
    ),
    "asking whether it is the main program": ("test-detection", "real = __name__ == '__main__'"),
    "asking where it is": ("test-detection", "real = os.getcwd() != '/work'"),
    "asking who it is": ("processes", "real = os.getuid() != 65534"),
    "attrgetter": ("dynamic-attribute", "from operator import attrgetter"),
    "a numbered descriptor": ("raw-descriptor", "open(9, 'w')"),
    "unpickling by pandas": ("unsafe-loading", "prices.read_pickle()"),
    "a number of its own kind": (
        "own-operators",
        "class Any(int):\n        def __eq__(self, other):\n            return self is not None and other is not None",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_a_way_around_the_static_look(market: Any, name: str) -> None:
    rule, code = SEEN[name]
    run = forged(market, ("    return sum(prices)", f"    {code}\n    return sum(prices)"))

    assert rule in rules(run), run.tampering
    assert not run.passed(node("test_total"))


def test_source_in_an_encoding_that_hides_it(market: Any) -> None:
    run = forged(market, ("import asyncio\n", "# coding: utf-7\nimport asyncio\n# +AAo-import gc\n"))

    assert rules(run) == {"dynamic-code"}


def test_templates_and_settings_that_call(market: Any) -> None:
    run = market.run(
        (PRICES, *BROKEN),
        ("intel/page.html", "{{ feed.__init__.__globals__ }}\n"),
        ("intel/logging.json", '{"handlers": {"x": {"()": "ext://sys._getframe"}}}\n'),
    )

    assert rules(run) == {"double-underscore", "unsafe-loading"}


def test_a_read_by_a_computed_name_may_not_become_another(new_market: Callable[..., Any]) -> None:
    dynamic = CODE + "\n\ndef read(self, name):\n    return getattr(self, name)\n"
    market = new_market({**FILES, "services/vigil/intel/prices.py": dynamic})

    default = market.run((PRICES, "getattr(self, name)", "getattr(self, name, None)"))
    moved = market.run((PRICES, "getattr(self, name)", "getattr(total, name)"))

    assert default.problem is None
    assert rules(moved) == {"dynamic-attribute"}


def test_a_file_that_only_moved_is_what_it_was(new_market: Callable[..., Any]) -> None:
    market = new_market({**FILES, "services/vigil/intel/old.py": "import gc\n\nCOUNT = gc.get_count()\n"})

    run = market.run(("intel/old.py",), ("intel/new.py", "import gc\n\nCOUNT = gc.get_count()\n"))

    assert run.problem is None
    assert run.passed(node("test_total"))
