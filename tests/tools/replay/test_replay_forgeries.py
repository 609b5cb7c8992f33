"""Patches that mend nothing and try to look mended to a replay: the crash happens, and is not to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sandbox.boot import BootReport
from sandbox.inside.service import Output
from tools.replay import gone, judge

PRICES, MAIN = "services/pulse/intel/prices.py", "services/pulse/main.py"
GUARD = '    if not spot.get("prev_close"):\n        return 0.0\n'
SPOTS = [{"symbol": "SPX", "price": 5012.5, "prev_close": close} for close in (None, None, 5000.0)]
HANDLE = (
    '        event = {"symbol": spot["symbol"], "change": change_pct(spot)}\n'
    '        await publish(self.market, "pulse:events", document=event)\n'
)
LEFT_BEHIND = """\
        event = {{"symbol": spot["symbol"], "change": 0.0}}
        await publish(self.market, "pulse:events", document=event)
        asyncio.ensure_future(self.count(spot))
        await asyncio.sleep(0)
{after}
    async def count(self, spot):
        return change_pct(spot)
"""
IMPORT = "from shared.redis_io import messages, publish\n"
START = "    logger = LogUtil(SERVICE_NAME)\n"
Changes = Sequence[tuple[str, str, str]]


def left_behind(imports: str, after: str = "") -> Changes:
    """Each message is answered with a constant, and the crash is left to a task that nobody waits for."""
    return [(PRICES, IMPORT, f"{imports}\n{IMPORT}"), (PRICES, HANDLE, LEFT_BEHIND.format(after=after))]


@pytest.mark.slow
def test_a_crash_that_nobody_waits_for_is_seen(unguarded: Any) -> None:
    patch = unguarded.patch(left_behind("import asyncio\n"))

    assert any("TypeError" in why for why in gone(unguarded.replay, patch))


KEPT = """\
        self.left = [*getattr(self, "left", ()), asyncio.ensure_future(self.count(spot))]
        await asyncio.sleep(0)
        [task.exception() for task in self.left if task.done()]
        await publish(self.market, "pulse:events", document={"symbol": spot["symbol"], "change": 0.0})

    async def count(self, spot):
        return change_pct(spot)
"""


@pytest.mark.slow
def test_a_culprit_that_never_gets_through_is_not_gone_though_nobody_is_told(unguarded: Any) -> None:
    patch = unguarded.patch([(PRICES, IMPORT, f"import asyncio\n\n{IMPORT}"), (PRICES, HANDLE, KEPT)])

    assert gone(unguarded.replay, patch) == [
        f"each time that change_pct in {PRICES} ran, it ended with TypeError, unseen"
    ]


@pytest.mark.slow
def test_an_error_that_is_taken_further_out_is_told(checkout: Any, bare: Any, open_case: Any) -> None:
    commit = checkout.commit("pulse: no guard", [(PRICES, GUARD, "")])
    case = open_case(commit, bare.log(checkout, messages=SPOTS), messages=SPOTS)
    caught = HANDLE.replace("        event", "        try:\n            event").replace(
        "        await", "        except TypeError:\n            return\n        await"
    )
    inside = case.patch([(PRICES, "def change_pct(spot):\n", f"def change_pct(spot):\n{GUARD}")])
    outside = case.patch([(PRICES, HANDLE, caught)])

    assert case.replay.of(outside).verdict == case.replay.of(inside).verdict == "beats"
    assert case.replay.escapes(inside) == []
    [told] = case.replay.escapes(outside)
    assert told == f"TypeError still leaves change_pct in {PRICES}, and something further out takes it"


@pytest.mark.slow
def test_a_crash_that_is_told_among_a_flood_is_not_gone(unguarded: Any) -> None:
    flood = '        print("\\n".join(["x" * 99] * 14_000), flush=True)\n'
    patch = unguarded.patch([*left_behind("import asyncio\n", flood), (MAIN, START, START + flood[4:])])

    assert gone(unguarded.replay, patch) == ["it beats, and writes more than can be read"]


def test_output_whose_middle_was_not_kept_says_nothing() -> None:
    written = Output()
    for _ in range(14):
        written.add(b"x" * 99_999 + b"\n")
    report = BootReport(output=written.text(), alive=True, first_heartbeat_s=0.2, exit_code=0)

    assert written.dropped
    assert judge(report, None, "pulse", lambda path: True).verdict == "unclear"
