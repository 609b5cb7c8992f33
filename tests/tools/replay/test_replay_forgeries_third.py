"""Patches that still crash, each time, and hide it from what watches the culprit function."""

from __future__ import annotations

from typing import Any

import pytest

from tools.replay import gone

PRICES = "services/pulse/intel/prices.py"
SPOTS = [{"symbol": symbol, "price": 5012.5, "prev_close": None} for symbol in ("SPX", "NDX")]
GUARD = '    if not spot.get("prev_close"):\n        return 0.0\n'
DIVIDES = '    return (float(spot["price"]) - spot["prev_close"]) / spot["prev_close"] * 100\n'
RENAMED = f"    try:\n    {DIVIDES}    except TypeError as error:\n        raise ValueError from error\n"
CHANGE = '        event = {"symbol": spot["symbol"], "change": change_pct(spot)}\n'
CONSTANT = CHANGE.replace("change_pct(spot)", "0.0")
COUNTED = (
    "        change = 0.0\n        try:\n            change = change_pct(spot)\n"
    "        except ValueError:\n            self.market.lost = 1\n"
    + CHANGE.replace("change_pct(spot)", "change")
)
IMPORT = "from shared.redis_io import messages, publish\n"
POOL = f"from concurrent.futures import ThreadPoolExecutor\n\n{IMPORT}\nPOOL = ThreadPoolExecutor(1)\n"
WORKER = "class PriceWorker:\n"
NAMESAKE = "class Meter:\n    def change_pct(self):\n        return 0.0\n\n\n"
HIDDEN = {
    "another type, left in a pool": [
        (DIVIDES, RENAMED),
        (IMPORT, POOL),
        (CHANGE, f"{CONSTANT}        POOL.submit(change_pct, spot)\n"),
    ],
    "another type, counted": [(DIVIDES, RENAMED), (CHANGE, COUNTED)],
    "a namesake runs instead": [
        ("def change_pct(spot):\n", "def _change(spot):\n"),
        (IMPORT, POOL),
        (WORKER, NAMESAKE + WORKER),
        (CHANGE, f"{CONSTANT}        Meter().change_pct()\n        POOL.submit(_change, spot)\n"),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HIDDEN)
def test_a_crash_that_goes_on_unseen_is_not_gone(checkout: Any, bare: Any, open_case: Any, name: str) -> None:
    commit = checkout.commit("pulse: no guard", [(PRICES, GUARD, "")])
    case = open_case(commit, bare.log(checkout, messages=SPOTS), messages=SPOTS)
    patch = case.patch([(PRICES, old, new) for old, new in HIDDEN[name]])

    assert gone(case.replay, patch) or case.replay.escapes(patch)
