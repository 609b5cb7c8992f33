"""Vexy's loops: epochs by the clock, events by vigil, and the HTTP API."""

import asyncio
import time

from services.vexy_ai.intel.chat import ChatDesk
from services.vexy_ai.intel.context import gather_context
from services.vexy_ai.intel.epochs import epoch_now
from services.vexy_ai.intel.playbyplay import PlayByPlay
from shared.httpd import HttpServer
from shared.redis_io import connect, messages
from shared.setup_base import bus_url

EVENTS_CHANNEL = "vigil:events"


class Vexy:
    def __init__(self, config, logger):
        self.config = config
        self.logger = logger
        self.market = connect(bus_url(config, "market-redis"))
        self.intel = connect(bus_url(config, "intel-redis"))
        self.play = PlayByPlay(config, logger, self.market)
        self.desk = ChatDesk(config, logger)
        self.server = HttpServer("vexy_ai", logger)
        self.stopping = asyncio.Event()
        self.epoch = None
        self.events = 0
        self.tasks = []
        self.started = time.time()
        for method, path, handler in (
            ("GET", "/health", self.health),
            ("GET", "/api/vexy/playbyplay", self.playbyplay),
            ("POST", "/api/vexy/chat", self.chat),
            ("GET", "/api/vexy/routine/{name}", self.routine),
            ("GET", "/api/vexy/playbook", self.playbook),
            ("GET", "/api/vexy/context", self.context),
        ):
            self.server.route(method, path, handler)

    async def start(self):
        await self.market.ping()
        self.logger.ok("market-redis connected")
        await self.intel.ping()
        self.logger.ok("intel-redis connected")
        await self.server.start("127.0.0.1", int(self.config["outputs"]["http"]["port"]))
        self.tasks = [
            asyncio.create_task(self.epoch_loop(), name="vexy-epochs"),
            asyncio.create_task(self.event_loop(), name="vexy-events"),
        ]
        self.logger.ok("voices ready", emoji="🎙️")

    async def close(self):
        self.stopping.set()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.server.stop()
        await self.market.aclose()
        await self.intel.aclose()

    async def epoch_loop(self):
        """Speak when an epoch begins."""
        interval = float(self.config.get("VEXY_EPOCH_INTERVAL_SEC", 5))
        while not self.stopping.is_set():
            try:
                await self.check_epoch()
            except Exception as exc:
                self.logger.error(f"epoch internal error: {exc}")
            try:
                await asyncio.wait_for(self.stopping.wait(), interval)
            except asyncio.TimeoutError:
                continue

    async def check_epoch(self):
        epoch = epoch_now()
        if epoch == self.epoch:
            return
        self.epoch = epoch
        await self.play.say_epoch(epoch, await gather_context(self.market, self.intel))

    async def event_loop(self):
        """Speak on vigil's events."""
        async for _channel, event in messages(self.market, EVENTS_CHANNEL, self.stopping):
            try:
                self.events += 1
                await self.play.say_event(event, await gather_context(self.market, self.intel))
            except Exception as exc:
                self.logger.error(f"event internal error: {exc}")

    async def health(self, request):
        return {
            "status": "healthy",
            "service": "vexy_ai",
            "epoch": self.epoch.name if self.epoch else None,
            "events": self.events,
            "uptime_sec": round(time.time() - self.started),
        }

    async def playbyplay(self, request):
        return {"messages": list(self.play.history)}

    async def chat(self, request):
        context = await gather_context(self.market, self.intel)
        return await self.desk.answer(request.json().get("message"), context)

    async def routine(self, request):
        return self.desk.routine(request.params["name"])

    async def playbook(self, request):
        return self.desk.playbook(await gather_context(self.market, self.intel))

    async def context(self, request):
        context = await gather_context(self.market, self.intel)
        return {"facts": context.facts(), "headlines": context.headlines}
