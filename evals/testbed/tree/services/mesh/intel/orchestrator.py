"""mesh's loop: scan, compare, publish."""

import asyncio
import json
import time

from services.mesh.intel.node import node_facts
from services.mesh.intel.roster import JOINED, LEFT, RESTARTED, Roster
from services.mesh.intel.scanner import scan_heartbeats
from shared.redis_io import connect, publish, read_model, write_model
from shared.setup_base import bus_url

ROSTER_KEY = "mesh:roster"
NODE_KEY = "mesh:node:{node}"
CHANNEL = "mesh:events"
NODE_TTL_SEC = 120
LOGGED = {JOINED: "🟢", RESTARTED: "🔄", LEFT: "🔴"}


class Mesh:
    def __init__(self, config, logger, system):
        self.logger = logger
        self.system = system
        self.interval_sec = float(config.get("MESH_SCAN_INTERVAL_SEC", 2))
        self.roster = Roster()
        self.started = time.time()
        self.node = "unknown"
        self.expected = []

    async def load_expected(self):
        """Who should be here, out of Truth."""
        truth = await read_model(self.system, "truth") or {}
        self.node = truth.get("node", self.node)
        self.expected = sorted(truth.get("components") or {})
        self.logger.info(f"node {self.node} expects {len(self.expected)} services", emoji="🕸️")

    async def scan(self):
        """One round."""
        changes = self.roster.update(await scan_heartbeats(self.system))
        for kind, service in changes:
            self.logger.debug(f"{service} {kind}", emoji=LOGGED[kind])
            await publish(self.system, CHANNEL, {"ts": time.time(), "event": kind, "service": service})
        await write_model(self.system, ROSTER_KEY, self.roster.snapshot(self.expected))
        key = NODE_KEY.format(node=self.node)
        await write_model(self.system, key, node_facts(self.node, self.started), ttl_sec=NODE_TTL_SEC)

    async def run(self, stop):
        while not stop.is_set():
            try:
                await self.scan()
            except (OSError, json.JSONDecodeError) as exc:
                self.logger.error(f"scan failed: {exc}")
            try:
                await asyncio.wait_for(stop.wait(), self.interval_sec)
            except asyncio.TimeoutError:
                continue


async def run(config, logger, stop):
    """Keep the roster until `stop` is set."""
    system = connect(bus_url(config, "system-redis"))
    mesh = Mesh(config, logger, system)
    try:
        await mesh.load_expected()
        logger.ok("roster open")
        await mesh.run(stop)
    finally:
        await system.aclose()
