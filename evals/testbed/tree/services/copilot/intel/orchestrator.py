"""copilot's loops: MEL, ADI, commentary, alerts, and the HTTP API over them."""

import asyncio

from services.copilot.intel.adi import KEY as ADI_KEY
from services.copilot.intel.adi import build_adi
from services.copilot.intel.alert_store import CHANNEL as SYNC_CHANNEL
from services.copilot.intel.alert_store import apply_sync, load_alerts
from services.copilot.intel.alerts import AlertEngine
from services.copilot.intel.api import CopilotApi
from services.copilot.intel.commentary import CHANNEL as COMMENTARY_CHANNEL
from services.copilot.intel.commentary import Commentator
from services.copilot.intel.market import read_market
from services.copilot.intel.mel import KEY as MEL_KEY
from services.copilot.intel.mel import MelScorer
from shared.redis_io import connect, messages, publish, write_model
from shared.setup_base import bus_url

ALERTS_CHANNEL = "copilot:alerts:events"


class Copilot:
    """Everything that copilot keeps, and the tasks that work on it."""

    def __init__(self, config, logger):
        self.config = config
        self.logger = logger
        self.market = connect(bus_url(config, "market-redis"))
        self.system = connect(bus_url(config, "system-redis"))
        self.scorer = MelScorer()
        self.engine = AlertEngine(logger)
        self.commentator = Commentator(config, logger)
        self.api = CopilotApi(self, logger)
        self.mel = None
        self.adi = None
        self.stopping = asyncio.Event()
        self.tasks = []

    async def start(self):
        """Connect, load the alerts, listen, and start the loops."""
        await self.market.ping()
        self.logger.ok("market-redis connected")
        await self.reload_alerts()
        port = int(self.config["outputs"]["http"]["port"])
        await self.api.server.start("127.0.0.1", port)
        loops = (
            ("mel", self.update_mel, "COPILOT_MEL_INTERVAL_SEC", 2),
            ("adi", self.update_adi, "COPILOT_ADI_INTERVAL_SEC", 2),
            ("commentary", self.comment, "COPILOT_COMMENTARY_INTERVAL_SEC", 5),
            ("alerts", self.evaluate_alerts, "COPILOT_ALERT_INTERVAL_SEC", 1),
        )
        for name, step, setting, default in loops:
            interval = float(self.config.get(setting, default))
            self.tasks.append(asyncio.create_task(self.loop(name, step, interval), name=f"copilot-{name}"))
        self.tasks.append(asyncio.create_task(self.follow_sync(), name="copilot-sync"))
        self.logger.ok(f"{len(self.tasks)} loops running", emoji="🧠")

    async def close(self):
        self.stopping.set()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.api.server.stop()
        await self.market.aclose()
        await self.system.aclose()

    async def loop(self, name, step, interval):
        """Call a step again and again. A step that fails is told, and tried again."""
        while not self.stopping.is_set():
            try:
                await step()
            except asyncio.CancelledError:
                raise
            except Exception as exc:
                self.logger.error(f"{name} internal error: {exc}")
            try:
                await asyncio.wait_for(self.stopping.wait(), interval)
            except asyncio.TimeoutError:
                continue

    async def update_mel(self):
        self.mel = self.scorer.snapshot(await read_market(self.market))
        await write_model(self.market, MEL_KEY, self.mel, ttl_sec=120)

    async def update_adi(self):
        view = await read_market(self.market)
        self.adi = build_adi(view, self.mel, len(self.engine.alerts))
        await write_model(self.market, ADI_KEY, self.adi, ttl_sec=120)

    async def comment(self):
        message = await self.commentator.next_message(await read_market(self.market), self.mel)
        if message is not None:
            await publish(self.market, COMMENTARY_CHANNEL, message)

    async def evaluate_alerts(self):
        for event in self.engine.evaluate(await read_market(self.market)):
            self.logger.info(f"alert {event['alert_id']} fired ({event['type']})", emoji="🔔")
            await publish(self.market, ALERTS_CHANNEL, event)

    async def reload_alerts(self):
        self.engine.replace_all(await load_alerts(self.system))
        self.logger.info(f"{len(self.engine.alerts)} alerts loaded", emoji="📋")

    async def follow_sync(self):
        """Changes of alerts, as journal makes them."""
        async for _channel, message in messages(self.system, SYNC_CHANNEL, self.stopping):
            if apply_sync(self.engine, message):
                await self.reload_alerts()
