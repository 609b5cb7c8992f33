"""Ten ways to die: reproduced on the base, gone with the right fix, and never with a plausible wrong one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tools.replay import gone

MAIN, ORCHESTRATOR, LEVELS, PRICES = (
    f"services/pulse/{name}.py" for name in ("main", "intel/orchestrator", "intel/levels", "intel/prices")
)
SHARED = "shared/redis_io.py"
SPOT = {"symbol": "SPX", "price": 5012.5, "prev_close": 5000.0}
QUOTES = [SPOT, {**SPOT, "symbol": "NDX"}]
STRIKES = {"massive:levels": '{"call_wall": 5100, "put_wall": 4900}'}
Changes = Sequence[tuple[str, str, str]]

PUBLISH = "        await publish(self.market, 'pulse:events', document=event)\n".replace("'", '"')
FOLLOW = (
    '        async for spot in messages(self.market, "massive:spot"):\n            await self.handle(spot)\n'
)
STEPPING = "        while True:\n            await self.step()\n"
WIDTH = "    return strikes[-1] - strikes[0] if strikes else 0\n"
READ = """\
        try:
            return json.loads(raw) if raw is not None else {}
        except ValueError as error:
            self.logger.warn(f"levels dropped: {error}")
            return {}
"""
IMPORT_LEVELS = "from services.pulse.intel.levels import LevelsWorker\n"
WORKERS = (
    "    workers = [PriceWorker(market, logger), "
    'LevelsWorker(market, logger, float(config["PULSE_INTERVAL_SEC"]))]\n'
)
WAITING = "    done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)\n"


@dataclass(frozen=True, slots=True)
class Broken:
    """A commit that breaks the service, what makes it die, the right fix and wrong ones with a reason."""

    id: str
    error: str
    breaks: Changes
    right: Changes
    wrong: Sequence[tuple[Changes, str]]
    values: Mapping[str, str] = field(default_factory=lambda: STRIKES)
    messages: Sequence[Any] = field(default_factory=lambda: QUOTES)
    early: bool = False


SWALLOW = """\
        try:
            async for spot in messages(self.market, "massive:spot"):
                await self.handle(spot)
        except {0}:
            self.logger.warn("prices end")
            await asyncio.Event().wait()
"""
ASYNCIO_IN_PRICES = (PRICES, "from shared.redis_io", "import asyncio\n\nfrom shared.redis_io")

CASES = (
    Broken(
        id="import-after-a-rename",
        error="ModuleNotFoundError",
        breaks=[(ORCHESTRATOR, IMPORT_LEVELS, IMPORT_LEVELS.replace("levels import", "strikes import"))],
        right=[(ORCHESTRATOR, "intel.strikes import", "intel.levels import")],
        wrong=[
            (
                [
                    (
                        ORCHESTRATOR,
                        "from services.pulse.intel.strikes import LevelsWorker\n",
                        "try:\n    from services.pulse.intel.strikes import LevelsWorker\n"
                        "except ImportError:\n    LevelsWorker = None\n",
                    ),
                    (
                        ORCHESTRATOR,
                        WORKERS,
                        "    workers = [PriceWorker(market, logger)]\n    if LevelsWorker:\n"
                        '        workers.append(LevelsWorker(market, logger, float(config["PULSE_INTERVAL_SEC"])))\n',
                    ),
                ],
                "key no longer served: market-redis:pulse:state",
            ),
            ([(ORCHESTRATOR, "strikes import", "level import")], "ModuleNotFoundError"),
        ],
    ),
    Broken(
        id="module-never-committed",
        error="ModuleNotFoundError",
        early=True,
        breaks=[
            (LEVELS, "import json\n", "import json\n\nfrom services.pulse.intel.topology import blocked\n"),
            (LEVELS, '"widest": widest(levels)}', '"widest": widest(levels), "blocked": blocked(levels)}'),
        ],
        right=[("services/pulse/intel/topology.py", "", "def blocked(levels):\n    return sorted(levels)\n")],
        wrong=[
            (
                [
                    (
                        LEVELS,
                        "from services.pulse.intel.topology import blocked\n",
                        "try:\n    from services.pulse.intel.topology import blocked\n"
                        "except ImportError:\n    blocked = None\n",
                    )
                ],
                "TypeError",
            ),
            ([("services/pulse/intel/topology.py", "", "BLOCKED = ()\n")], "ImportError"),
        ],
    ),
    Broken(
        id="none-from-redis",
        error="TypeError",
        values={},
        breaks=[(LEVELS, READ, "        return json.loads(raw)\n")],
        right=[(LEVELS, "return json.loads(raw)", "return json.loads(raw) if raw is not None else {}")],
        wrong=[
            (
                [
                    (
                        LEVELS,
                        STEPPING,
                        "        while True:\n            try:\n                await self.step()\n"
                        "            except TypeError:\n                pass\n",
                    )
                ],
                "each time that read in services/pulse/intel/levels.py ran, it ended with TypeError, unseen",
            ),
            ([(LEVELS, "json.loads(raw)", 'json.loads(raw or "null")')], "TypeError"),
        ],
    ),
    Broken(
        id="bad-json",
        error="JSONDecodeError",
        values={"massive:levels": '{"call_wall": 51'},
        breaks=[(LEVELS, READ, "        return json.loads(raw) if raw is not None else {}\n")],
        right=[
            (
                LEVELS,
                "        return json.loads(raw) if raw is not None else {}\n",
                "        try:\n            return json.loads(raw) if raw is not None else {}\n"
                '        except ValueError:\n            self.logger.warn("levels are not JSON")\n'
                "            return {}\n",
            )
        ],
        wrong=[
            (
                [
                    (
                        LEVELS,
                        "            await self.step()\n",
                        "            try:\n                await self.step()\n"
                        "            except Exception as error:\n"
                        '                self.logger.error(f"step failed: {error}")\n',
                    )
                ],
                "it is logged as an error: step failed: Expecting",
            ),
            ([(LEVELS, "if raw is not None", "if raw")], "JSONDecodeError"),
        ],
    ),
    Broken(
        id="division-by-zero-in-a-worker",
        error="ZeroDivisionError",
        early=True,
        messages=[SPOT, {**SPOT, "symbol": "NEW", "prev_close": 0.0}, {**SPOT, "symbol": "RUT"}],
        breaks=[(PRICES, '    if not spot.get("prev_close"):\n        return 0.0\n', "")],
        right=[
            (
                PRICES,
                '    return (float(spot["price"])',
                '    if spot["prev_close"] == 0:\n        return None\n    return (float(spot["price"])',
            )
        ],
        wrong=[
            (
                [ASYNCIO_IN_PRICES, (PRICES, FOLLOW, SWALLOW.format("ZeroDivisionError"))],
                "took the messages once and then no more",
            ),
            (
                [
                    (
                        PRICES,
                        '    return (float(spot["price"])',
                        '    if not spot["price"]:\n        return 0.0\n    return (float(spot["price"])',
                    )
                ],
                "ZeroDivisionError",
            ),
        ],
    ),
    Broken(
        id="unretrieved-task-exception",
        error="KeyError",
        breaks=[
            (ORCHESTRATOR, WAITING, "    await stop.wait()\n    done = ()\n"),
            (PRICES, 'spot["symbol"], "change"', 'spot["ticker"], "change"'),
        ],
        right=[(PRICES, 'spot["ticker"]', 'spot["symbol"]')],
        wrong=[
            (
                [
                    (PRICES, "        event = {", "        try:\n            event = {"),
                    (PRICES, PUBLISH, "        except KeyError:\n            return\n" + PUBLISH),
                ],
                "channel no longer served: market-redis:pulse:events",
            ),
            ([(PRICES, 'spot["ticker"]', 'spot["name"]')], "KeyError"),
        ],
    ),
    Broken(
        id="wrong-keyword-after-a-shared-refactor",
        error="TypeError",
        breaks=[
            (SHARED, "*, document):", "*, payload):"),
            (SHARED, "json.dumps(document)", "json.dumps(payload)"),
        ],
        right=[(PRICES, "document=event", "payload=event")],
        wrong=[
            (
                [(PRICES, PUBLISH, "        try:\n    " + PUBLISH + "        except TypeError:\n            pass\n")],
                "channel no longer served: market-redis:pulse:events",
            ),
            ([(PRICES, "document=event", "data=event")], "TypeError"),
        ],
    ),
    Broken(
        id="poisoned-message",
        error="ValueError",
        messages=[SPOT, {**SPOT, "price": "n/a"}],
        breaks=[(PRICES, '"""The change since', '"""Change since')],
        right=[
            (
                PRICES,
                '    return (float(spot["price"])',
                '    if not isinstance(spot["price"], int | float):\n        return None\n'
                '    return (float(spot["price"])',
            )
        ],
        wrong=[
            (
                [ASYNCIO_IN_PRICES, (PRICES, FOLLOW, SWALLOW.format("Exception"))],
                "took the messages once and then no more",
            ),
            (
                [(ORCHESTRATOR, "    workers = [PriceWorker(market, logger), ", "    workers = [")],
                "change_pct in services/pulse/intel/prices.py was not reached",
            ),
        ],
    ),
    Broken(
        id="worker-dead-while-the-heartbeat-goes-on",
        error="",
        breaks=[
            (ORCHESTRATOR, WAITING, "    await stop.wait()\n    done = ()\n"),
            (
                LEVELS,
                STEPPING + "            await asyncio.sleep(self.interval)\n",
                "        try:\n            while True:\n                await self.step()\n"
                "                await asyncio.sleep(self.interval)\n"
                "        except Exception as error:\n"
                '            self.logger.error(f"levels worker crashed: {error!r}")\n',
            ),
            (LEVELS, WIDTH, '    return strikes[-1] - levels["zero_gamma"]\n'),
        ],
        right=[(LEVELS, 'strikes[-1] - levels["zero_gamma"]', "strikes[-1] - strikes[0] if strikes else 0")],
        wrong=[
            (
                [(LEVELS, '            self.logger.error(f"levels worker crashed: {error!r}")\n', "            return\n")],
                "key no longer served: market-redis:pulse:state",
            ),
            ([(LEVELS, 'levels["zero_gamma"]', 'levels["zero"]')], "key no longer served: market-redis:pulse:state"),
        ],
    ),
    Broken(
        id="three-errors-one-behind-the-other",
        error="ModuleNotFoundError",
        breaks=[
            (ORCHESTRATOR, IMPORT_LEVELS, "from services.pulse.intel.strikes import Levels\n"),
            (ORCHESTRATOR, "LevelsWorker(market, logger,", "Levels(market,"),
        ],
        right=[
            (ORCHESTRATOR, "intel.strikes import Levels\n", "intel.levels import LevelsWorker\n"),
            (ORCHESTRATOR, "Levels(market,", "LevelsWorker(market, logger,"),
        ],
        wrong=[
            ([(ORCHESTRATOR, "intel.strikes import", "intel.levels import")], "ImportError"),
            (
                [
                    (ORCHESTRATOR, "intel.strikes import Levels\n", "intel.levels import LevelsWorker as Levels\n"),
                ],
                "TypeError",
            ),
        ],
    ),
)  # fmt: skip


def cases() -> list[object]:
    return [pytest.param(case, id=case.id, marks=[] if case.early else [pytest.mark.slow]) for case in CASES]


@pytest.mark.parametrize("case", cases())
def test_a_crash_is_reproduced_and_gone_with_the_right_fix_only(case, checkout, bare, open_case) -> None:
    commit = checkout.commit("pulse: an improvement", case.breaks)
    log = bare.log(checkout, values=case.values, messages=case.messages)
    opened = open_case(commit, log, values=case.values, messages=case.messages)
    replay = opened.replay
    base = replay.of(None)
    assert base.verdict == "reproduced", (base.text, log, base.report.everything)
    assert base.text.startswith(f"replay::boots_and_beats FAILED (reproduced: {case.error}")
    right = opened.patch(case.right)
    assert replay.of(right).verdict == "beats", replay.of(right).text
    assert gone(replay, right) == []
    for changes, reason in case.wrong:
        reasons = gone(replay, opened.patch(changes))
        assert any(reason in each for each in reasons), (reason, reasons)
