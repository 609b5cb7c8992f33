"""Analytics models: chains in memory -> GEX and heatmap keys."""

import time

from services.massive.intel.gex import aggregate, build_gex
from services.massive.intel.heatmap import build_heatmap
from services.massive.intel.spot_worker import pause
from shared.redis_io import write_model

GEX_KEY = "massive:gex:model"
HEATMAP_KEY = "massive:heatmap:model:{symbol}:latest"


class ModelWorker:
    """Builds the models after each load of the chains."""

    name = "models"

    def __init__(self, config, logger, market, chains):
        self.logger = logger
        self.market = market
        self.chains = chains
        self.interval_sec = float(config.get("MASSIVE_CHAIN_INTERVAL_SEC", 2))
        self.builds = 0
        self.failures = 0

    async def run(self, stop):
        self.logger.info("[models] gex, heatmap", emoji="🧮")
        while not stop.is_set():
            if self.chains:
                await self.build_all()
            await pause(stop, self.interval_sec if self.builds else 0.1)

    async def build_all(self):
        """One build of every model. A chain that cannot be used does not stop the others."""
        models = {}
        for symbol, chain in list(self.chains.items()):
            try:
                models[symbol] = build_gex(chain)
                heatmap = build_heatmap(models[symbol], chain)
            except (KeyError, ValueError) as exc:
                self.failures += 1
                self.logger.warn(f"[models] {symbol} skipped: {exc!r}")
                continue
            heatmap["ts"] = time.time()
            await write_model(self.market, HEATMAP_KEY.format(symbol=symbol), heatmap)
        if models:
            await write_model(self.market, GEX_KEY, {"ts": time.time(), **aggregate(models)})
            self.builds += 1

    def stats(self):
        return {"builds": self.builds, "failures": self.failures}
