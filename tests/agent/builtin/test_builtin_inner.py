"""Tests of what crashed in a loop that only its cancellation ends, or in a function inside of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Pulse, Service

FILE = "services/vigil/intel/a.py"
HEAD = "import asyncio\nfrom types import SimpleNamespace\nfrom unittest.mock import AsyncMock, Mock\nimport services.vigil.intel.a as a\n"
BUS = "import asyncio\n\n\nclass Bus:\n    def __init__(self, bus):\n        self.bus = bus\n        self.seen = {}\n        self.live = True\n\n"
PRICE = "\n\ndef g(row):\n    return row['price']\n"
ENDS = "with pytest.raises(asyncio.CancelledError):"

LOOPS = {
    "what it awaits first cancels its second turn": (
        BUS + "    async def run(self):\n        while True:\n            row = await self.bus.get('x')\n"
        "            await self.bus.set('y', row['prise'] * 2)\n            await asyncio.sleep(5)\n" + PRICE,
        "asyncio.run(a.Bus(SimpleNamespace(get=AsyncMock(return_value={'price': 1.0}), set=AsyncMock())).run())",
        "bus.bus.set.assert_awaited()",
    ),
    "what it awaits is its sleep": (
        BUS + "    async def run(self, rows):\n        while True:\n            for row in rows:\n"
        "                self.seen[row['name']] = row['prise']\n            await asyncio.sleep(1)\n" + PRICE,
        "asyncio.run(a.Bus(1).run([{'name': 'x', 'price': 1.0}]))",
        'monkeypatch.setattr("asyncio.sleep", AsyncMock(side_effect=asyncio.CancelledError))',
    ),
    "it goes on while a flag says so": (
        BUS + "    async def run(self):\n        while self.live:\n            row = await self.bus.get('x')\n"
        "            self.seen['last'] = row['prise'] + 1\n" + PRICE,
        "asyncio.run(a.Bus(SimpleNamespace(get=AsyncMock(return_value={'price': 1.0}))).run())",
        "live=1.0",
    ),
    "only what crashes is awaited": (
        BUS + "    async def run(self, rows):\n        while True:\n"
        "            await self.bus.set('x', rows[0]['prise'])\n" + PRICE,
        "asyncio.run(a.Bus(SimpleNamespace(set=AsyncMock())).run([{'price': 1.0}]))",
        ENDS,
    ),
}  # fmt: skip
INNER = {
    "called by its name": (
        "def f(rows):\n    def share(row, whole):\n        return row['prise'] / whole\n\n    return [share(row, 2.0) for row in rows]\n" + PRICE,
        "a.f([{'price': 1.0}])",
        'assert f([{"price": 1.0}]) is not None',
    ),
    "a value is missing": (
        "def f(rows):\n    def share(row):\n        return row['price'] / row['size']\n\n    return [share(row) for row in rows]\n" + PRICE,
        "a.f([{'price': 1.0, 'size': 0}])",
        '"size": 0',
    ),
    "it reads what is around it": (
        "def f(rows, factor):\n    def share():\n        return len(rows) * factor.prise\n\n    return share()\n\n\nclass Row:\n"
        "    def __init__(self):\n        self.price = 1.0\n",
        "a.f([1], a.Row())",
        "f([], SimpleNamespace(price=1.0))",
    ),
    "given as a key": (
        "def f(rows):\n    def at(row):\n        return row['prise']\n\n    return sorted(rows, key=at)\n" + PRICE,
        "a.f([{'price': 1.0}])",
        'assert f([{"price": 1.0}]) is not None',
    ),
    "given to map": (
        "def f(rows):\n    def at(row):\n        return row['prise']\n\n    return list(map(at, rows))\n" + PRICE,
        "a.f([{'price': 1.0}])",
        'assert f([{"price": 1.0}]) is not None',
    ),
    "a lambda": (
        "def f(rows):\n    return max(rows, key=lambda row: row['prise'])\n" + PRICE,
        "a.f([{'price': 1.0}])",
        'assert f([{"price": 1.0}]) is not None',
    ),
    "awaited": (
        BUS + "    async def read(self, name):\n        async def one():\n            row = await self.bus.get(name)\n"
        "            return row['prise']\n\n        return await one()\n" + PRICE,
        "asyncio.run(a.Bus(SimpleNamespace(get=AsyncMock(return_value={'price': 1.0}))).read('x'))",
        "AsyncMock(return_value=",
    ),
}  # fmt: skip

SLOW = [pytest.mark.slow]
"""All cases but the first of each."""


@pytest.mark.parametrize(
    ("source", "crash", "claim"),
    [pytest.param(*case, id=name, marks=SLOW[:n]) for n, (name, case) in enumerate(LOOPS.items())],
)
def test_a_loop_that_is_cancelled_comes_with_a_test(
    service: Service, source: str, crash: str, claim: str
) -> None:
    text = _shown(service, source, crash)
    assert claim in text
    assert ENDS in text


@pytest.mark.parametrize(
    ("source", "crash", "claim"),
    [pytest.param(*case, id=name, marks=SLOW[:n]) for n, (name, case) in enumerate(INNER.items())],
)
def test_a_function_inside_of_another_comes_with_a_test(
    service: Service, source: str, crash: str, claim: str
) -> None:
    assert claim in _shown(service, source, crash)


@pytest.mark.parametrize(
    ("source", "crash"),
    [
        pytest.param(
            "def f(rows):\n    def at(row):\n        return row['prise']\n\n    return at\n" + PRICE,
            "a.f([])({'price': 1.0})",
            id="called from elsewhere",
        ),
        pytest.param(
            BUS
            + "    def run(self, rows):\n        while True:\n            self.seen = rows[0]['prise']\n"
            + PRICE,
            "a.Bus(1).run([{'price': 1.0}])",
            id="a loop that awaits nothing",
        ),
    ],
)
def test_what_no_call_ends_comes_without_a_test(service: Service, source: str, crash: str) -> None:
    service.commit({FILE: source})
    _, tests = service.tests(HEAD + crash)
    assert tests == []


LEVELS = "intel/levels.py"
STEP = "            await self.step()\n"
FIRST = (
    "            levels = await self.read()\n            await self.market.set('pulse:first', levels['{}'])\n"
)
WIDEST = "    strikes = sorted(levels.values())\n"
OTHER = "\n\ndef first(levels):\n    return levels['first']\n"
IN_PULSE = {
    "loop": (STEP, STEP + FIRST.format("frist")),
    "nested": (
        WIDEST,
        f"    def price(name):\n        return levels[name] / levels['frist']\n\n    share = [price(name) for name in levels]\n{WIDEST}",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", IN_PULSE)
def test_the_rung_of_such_a_test_is_shown_for_a_heal(pulse: Pulse, case: str) -> None:
    pulse.commit((LEVELS, "import json\n", f"import json\n{OTHER}"), (LEVELS, *IN_PULSE[case]))
    healed = pulse.healed(values={"massive:levels": '{"first": 1}'})
    assert healed.result.outcome == "branch", healed.told
    (rung,) = [one for one in healed.result.proof if one.name == "regression test"]
    assert (rung.state, "_crash.py" in rung.detail) == ("shown", True), f"{rung.detail}\n{healed.told}"
    assert not [label for label in healed.result.labels if "test" in label], healed.result.labels


def _shown(service: Service, source: str, crash: str) -> str:
    """The first test that is red on the base by the crash's error, and green with the repair."""
    service.commit({FILE: source})
    run = HEAD + crash
    candidate, tests = service.tests(run)
    error = service.run(run).stderr.splitlines()[-1].partition(":")[0]
    assert tests, "no test"
    before = [service.pytest(text) for text in tests]
    (service.path / FILE).write_text(candidate.files[FILE])
    after = [service.pytest(text) for text in tests]
    told = list(zip(tests, before, after, strict=True))
    shown = [text for text, red, green in told if "\n1 passed" in green and _fails_by(red, error)]
    assert shown, "\n".join(part for one in told for part in one)
    return shown[0]


def _fails_by(said: str, error: str) -> bool:
    return re.search(rf"^E +{error}\b", said, re.MULTILINE) is not None
