"""vigil's main loop: prices in, rules over them, events out."""

import asyncio
import time

from services.vigil.intel.publisher import EventPublisher
from services.vigil.intel.rules import build_rules
from services.vigil.intel.spot import parse_spot
from services.vigil.intel.state import MarketState
from shared.redis_io import connect, messages, read_model, write_model
from shared.setup_base import bus_url

SPOT = "massive:spot"
GEX_KEY = "massive:gex:model"
STATE_KEY = "vigil:state"


class Watcher:
    """The state of the market and what is said about it."""

    def __init__(self, config, logger, market):
        self.logger = logger
        self.market_redis = market
        self.state = MarketState(float(config.get("VIGIL_WINDOW_SEC", 60)))
        self.rules = build_rules(config)
        self.publisher = EventPublisher(market, logger, float(config.get("VIGIL_COOLDOWN_SEC", 20)))
        self.state_interval_sec = float(config.get("VIGIL_STATE_INTERVAL_SEC", 2))
        self.ignored = 0

    async def prime(self):
        """Take in the last prices that massive stored, so that a restart does not start blind."""
        document = await read_model(self.market_redis, SPOT) or {}
        quotes = document.get("symbols") or {}
        for symbol in sorted(quotes):
            await self.on_message(quotes[symbol])
        if not quotes:
            self.logger.warn("no spot prices yet, waiting for massive")

    async def watch_prices(self, stop):
        """Every price of the channel."""
        async for _channel, message in messages(self.market_redis, SPOT, stop):
            await self.on_message(message)

    async def on_message(self, message):
        spot = parse_spot(message)
        if spot is None:
            self.ignored += 1
            return
        symbol = self.state.update(spot)
        for rule in self.rules:
            event = rule.check(symbol, self.state)
            if event is not None:
                await self.publisher.offer(event)

    async def follow_levels(self, stop):
        """Read massive's gamma levels and publish our own state, every few seconds."""
        while not stop.is_set():
            self.state.gex = await read_model(self.market_redis, GEX_KEY)
            await write_model(self.market_redis, STATE_KEY, self.report(), ttl_sec=60)
            try:
                await asyncio.wait_for(stop.wait(), self.state_interval_sec)
            except asyncio.TimeoutError:
                continue

    def report(self):
        return {
            "ts": time.time(),
            "symbols": self.state.summary(),
            "published": self.publisher.published,
            "suppressed": self.publisher.suppressed,
            "ignored": self.ignored,
        }


async def run(config, logger, stop):
    """Watch until `stop` is set. What goes wrong in a rule is a bug and ends the process."""
    market = connect(bus_url(config, "market-redis"))
    await market.ping()
    logger.ok("market-redis connected")
    watcher = Watcher(config, logger, market)
    logger.info(f"{len(watcher.rules)} rules: {', '.join(rule.kind for rule in watcher.rules)}", emoji="👁️")
    tasks = []
    try:
        await watcher.prime()
        tasks = [
            asyncio.create_task(watcher.watch_prices(stop), name="vigil-prices"),
            asyncio.create_task(watcher.follow_levels(stop), name="vigil-levels"),
        ]
        logger.ok(f"watching {SPOT}")
        await asyncio.gather(*tasks)
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await market.aclose()
