import asyncio
import os

import redis.asyncio as aioredis
from services.pulse.intel.levels import LevelsWorker
from services.pulse.intel.prices import PriceWorker


async def answer(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def run(config, logger, stop):
    market = aioredis.from_url(os.environ["MARKET_REDIS_URL"], decode_responses=True)
    server = await asyncio.start_server(answer, "127.0.0.1", config["outputs"]["http"]["port"])
    workers = [PriceWorker(market, logger), LevelsWorker(market, logger, float(config["PULSE_INTERVAL_SEC"]))]
    tasks = [asyncio.create_task(worker.run(), name=type(worker).__name__) for worker in workers]
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    server.close()
    for task in (*tasks, stopped):
        if not task.done():
            task.cancel()
    for task in done:
        task.result()
    await market.aclose()
