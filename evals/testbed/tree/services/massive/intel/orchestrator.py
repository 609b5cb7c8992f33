"""Starts massive's workers, restarts those that fail, ends them on stop."""

import asyncio

from services.massive.intel.chain_worker import ChainWorker
from services.massive.intel.model_worker import ModelWorker
from services.massive.intel.spot_worker import SpotWorker, pause
from services.massive.intel.stats_worker import StatsWorker
from shared.redis_io import connect
from shared.setup_base import bus_url

RESTART_DELAY_SEC = 2
MAX_RESTARTS = 5


async def run(config, logger, stop):
    """Run all workers until `stop` is set or one of them fails for good."""
    market = connect(bus_url(config, "market-redis"))
    await market.ping()
    logger.ok("market-redis connected")

    board, chains = {}, {}
    workers = build_workers(config, logger, market, board, chains)
    tasks = [
        asyncio.create_task(supervise(worker, logger, stop), name=f"massive-{worker.name}")
        for worker in workers
    ]
    logger.ok(f"{len(tasks)} workers running", emoji="🏭")
    try:
        await asyncio.gather(*tasks)
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await market.aclose()


def build_workers(config, logger, market, board, chains):
    """The workers in the order in which they start. They share the board and the chains."""
    data = [
        SpotWorker(config, logger, market, board),
        ChainWorker(config, logger, market, board, chains),
        ModelWorker(config, logger, market, chains),
    ]
    return [*data, StatsWorker(logger, market, data)]


async def supervise(worker, logger, stop):
    """Run one worker; start it again after a failure, MAX_RESTARTS times at most."""
    restarts = 0
    while not stop.is_set():
        try:
            await worker.run(stop)
            return
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            restarts += 1
            logger.error(f"worker {worker.name} failed ({restarts}/{MAX_RESTARTS}): {exc!r}")
            if restarts >= MAX_RESTARTS:
                raise
            await pause(stop, RESTART_DELAY_SEC)
