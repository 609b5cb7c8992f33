# ruff: noqa: N999
import asyncio
import json
from datetime import datetime

from harness import FakeRedis, logger
from services.massive.intel.stats_worker import StatsWorker


async def stats():
    market, stop = FakeRedis(), asyncio.Event()
    worker = StatsWorker(logger("massive"), market, [])
    task = asyncio.create_task(worker.run(stop))
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(task, 5)
    return {key: json.loads(raw) for key, raw in market.called("set")}["massive:feed:stats"]


async def check_the_uptime_is_that_of_the_worker():
    assert 0 <= (await stats())["uptime_sec"] <= 2


async def check_it_says_since_when():
    found = await stats()
    since = datetime.fromisoformat(found["since"])
    assert abs((datetime.now(since.tzinfo) - since).total_seconds()) < 5
    assert found["count"] == 0
