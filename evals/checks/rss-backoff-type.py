# ruff: noqa: N999
import asyncio

from harness import FakeRedis, config, logger
from services.rss_agg.intel import orchestrator


async def pauses(longest):
    """The pauses of four quiet rounds."""
    stop, waited = asyncio.Event(), []

    async def wait_for(waiting, seconds):
        waiting.close()
        waited.append(seconds)
        if len(waited) == 4:
            stop.set()
        raise TimeoutError

    async def quiet(self):
        return 0

    orchestrator.connect = lambda url: FakeRedis()
    orchestrator.Pipeline.round = quiet
    real, asyncio.wait_for = asyncio.wait_for, wait_for
    try:
        more = {} if longest is None else {"RSS_POLL_MAX_SEC": longest}
        await orchestrator.run(config(RSS_POLL_INTERVAL_SEC="3", **more), logger("rss_agg"), stop)
    finally:
        asyncio.wait_for = real
    return [float(seconds) for seconds in waited]


async def check_a_quiet_round_doubles_the_pause():
    assert await pauses(None) == [6.0, 12.0, 24.0, 48.0]


async def check_truth_says_how_long_it_may_get():
    assert await pauses("10") == [6.0, 10.0, 10.0, 10.0]
    assert await pauses("120") == [6.0, 12.0, 24.0, 48.0]
    assert await pauses(10) == [6.0, 10.0, 10.0, 10.0]
