"""Counters of all workers -> `massive:feed:stats`, for the admin page."""

import time

from services.massive.intel.spot_worker import pause
from shared.redis_io import write_model

KEY = "massive:feed:stats"
INTERVAL_SEC = 2
TTL_SEC = 60


class StatsWorker:
    name = "stats"

    def __init__(self, logger, market, workers):
        self.logger = logger
        self.market = market
        self.workers = workers
        self.started = time.time()

    async def run(self, stop):
        while not stop.is_set():
            document = {"ts": time.time(), "uptime_sec": round(time.time() - self.started)}
            document["workers"] = {worker.name: worker.stats() for worker in self.workers}
            await write_model(self.market, KEY, document, ttl_sec=TTL_SEC)
            self.logger.debug(f"[stats] {document['workers']}")
            await pause(stop, INTERVAL_SEC)

    def stats(self):
        return {}
