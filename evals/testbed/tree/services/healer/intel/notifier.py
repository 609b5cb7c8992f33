"""Tells people: channel `healer:alerts`, and a webhook where one is set and reachable."""

import asyncio
import json
import time
import urllib.request

from shared.redis_io import publish

CHANNEL = "healer:alerts"
WEBHOOK_TIMEOUT_SEC = 4
COOLDOWN_SEC = 120


class Notifier:
    def __init__(self, config, logger, system):
        self.logger = logger
        self.system = system
        self.webhook = config.get("HEALER_WEBHOOK_URL")
        self._told = {}

    async def tell(self, service, before, after):
        """One transition; a service that flaps is told once in COOLDOWN_SEC."""
        message = {"ts": time.time(), "service": service, "from": before, "to": after}
        await publish(self.system, CHANNEL, message)
        if after != "down" or self._cooling(service):
            return
        self._told[service] = time.monotonic()
        self.logger.warn(f"{service} is down", emoji="🚑")
        if self.webhook and ".invalid/" not in self.webhook:
            await asyncio.to_thread(self._post, message)

    def _cooling(self, service):
        last = self._told.get(service)
        return last is not None and time.monotonic() - last < COOLDOWN_SEC

    def _post(self, message):
        body = json.dumps({"text": f"{message['service']} is {message['to']}"}).encode()
        request = urllib.request.Request(self.webhook, data=body, headers={"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_SEC).close()
        except OSError as exc:
            self.logger.warn(f"webhook failed: {exc}")
