"""Patches under which the crash goes on, or the work is left out: the replay sees it, or a label tells."""

from __future__ import annotations

from typing import Any

import pytest

from agent.proof.labels import labels_of
from tools.replay import gone

PRICES, CALC = "services/pulse/intel/prices.py", "services/pulse/intel/calc.py"
HEAD = 'def change_pct(spot):\n    """The change since the previous close in per cent."""\n'
DIVIDES = '    return (float(spot["price"]) - spot["prev_close"]) / spot["prev_close"] * 100\n'
CHANGE = '        event = {"symbol": spot["symbol"], "change": change_pct(spot)}\n'
IMPORT = "from shared.redis_io import messages, publish\n"
RUN = "    async def run(self)"
WORKER = "class PriceWorker:\n"
POOL = "\nPOOL = ThreadPoolExecutor(1)\n"


def handled(block: str, after: str = "") -> str:
    """The line that crashes, and what is done with its error."""
    return f"    try:\n    {DIVIDES}    except TypeError as error:\n        {block}\n{after}"


def changed(change: str, more: str = "") -> str:
    """The event with another change in it, and more before it is published."""
    return CHANGE.replace("change_pct(spot)", change) + more


def importing(name: str) -> str:
    return f"import {name}\n\n{IMPORT}"


POOLED = f"from concurrent.futures import ThreadPoolExecutor\n\n{IMPORT}"
RENAMED = handled("raise ValueError from error")
COUNTED = (
    "        change = 0.0\n        try:\n            change = change_pct(spot)\n"
    f"        except ValueError:\n            self.market.lost = 1\n{changed('change')}"
)
NAMESAKE = "class Meter:\n    def change_pct(self):\n        return 0.0\n\n\n"
QUIET = (
    "class Quiet:\n    def __enter__(self):\n        return self\n\n"
    "    def __exit__(self, kind, error, trace):\n        return True\n\n\n"
)
COUNT = "    async def count(self, spot):\n        return change_pct(spot)\n\n"
# Changes of prices.py: (text, what stands there instead).
UNSEEN = {
    "another type, left in a pool": [
        (DIVIDES, RENAMED),
        (IMPORT, POOLED + POOL),
        (CHANGE, changed("0.0", "        POOL.submit(change_pct, spot)\n")),
    ],
    "another type, counted": [(DIVIDES, RENAMED), (CHANGE, COUNTED)],
    "a namesake runs instead": [
        ("def change_pct(spot):\n", "def _change(spot):\n"),
        (IMPORT, POOLED + POOL),
        (WORKER, NAMESAKE + WORKER),
        (CHANGE, changed("0.0", "        Meter().change_pct()\n        POOL.submit(_change, spot)\n")),
    ],
    "an iterator that ends": [
        (DIVIDES, handled("raise StopIteration from None")),
        (CHANGE, changed("next(map(change_pct, [spot]), 0.0)")),
    ],
    "a task that is cancelled": [
        (DIVIDES, handled("raise asyncio.CancelledError from None")),
        (IMPORT, importing("asyncio")),
        (CHANGE, changed("0.0", "        asyncio.ensure_future(self.count(spot))\n        await asyncio.sleep(0)\n")),
        (RUN, COUNT + RUN),
    ],
    "a thread that exits": [
        (DIVIDES, handled("raise SystemExit from None")),
        (IMPORT, importing("threading")),
        (CHANGE, changed("0.0", "        threading.Thread(target=change_pct, args=(spot,)).start()\n")),
    ],
}  # fmt: skip
LEFT_OUT = {
    "a block that swallows": [
        (DIVIDES, f"    with Quiet():\n    {DIVIDES}    return 0.0\n"),
        ("def change_pct", f"{QUIET}def change_pct"),
    ],
    "a handler that only counts": [(DIVIDES, handled("change = 0.0", "    return change\n"))],
    "a handler that prints": [(DIVIDES, handled("print('odd')", "    return 0.0\n"))],
    "a constant whatever comes": [(DIVIDES, "    return 0.0\n")],
    "a constant before what crashes": [(DIVIDES, f"    return 0.0\n{DIVIDES}")],
}
ELSEWHERE = [
    (CALC, "", HEAD.replace("change_pct", "pct") + DIVIDES),
    (PRICES, DIVIDES, '    return len(spot["symbol"]) * 0.0\n'),
    (PRICES, IMPORT, f"{POOLED}from services.pulse.intel import calc\n{POOL}"),
    (PRICES, CHANGE, f"{CHANGE}        POOL.submit(calc.pct, spot)\n"),
]


def in_prices(changes: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(PRICES, old, new) for old, new in changes]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNSEEN)
def test_a_crash_that_goes_on_unseen_is_not_gone(unguarded: Any, name: str) -> None:
    patch = unguarded.patch(in_prices(UNSEEN[name]))

    assert gone(unguarded.replay, patch) or unguarded.replay.escapes(patch)


@pytest.mark.slow
def test_a_crash_that_goes_on_in_another_file_is_not_gone(unguarded: Any) -> None:
    patch = unguarded.patch(ELSEWHERE)

    assert gone(unguarded.replay, patch) or unguarded.replay.escapes(patch)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT_OUT)
def test_work_that_is_left_out_is_told(unguarded: Any, name: str) -> None:
    patch = unguarded.patch(in_prices(LEFT_OUT[name]))

    told = [label.name for label in labels_of(patch.flags, {}, {})]
    assert gone(unguarded.replay, patch) or unguarded.replay.escapes(patch) or "workaround" in told
