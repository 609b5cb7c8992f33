"""Events out: channel `vigil:events`, list `vigil:events:recent`, with a cooldown per kind and symbol."""

import json
import time

from shared.redis_io import publish

CHANNEL = "vigil:events"
RECENT_KEY = "vigil:events:recent"
RECENT_KEPT = 50


class EventPublisher:
    def __init__(self, market, logger, cooldown_sec):
        self.market = market
        self.logger = logger
        self.cooldown_sec = cooldown_sec
        self.published = 0
        self.suppressed = 0
        self._last = {}

    async def offer(self, event):
        """Publish an event unless one like it went out within the cooldown. Whether it did."""
        now = time.monotonic()
        last = self._last.get(event.key)
        if last is not None and now - last < self.cooldown_sec:
            self.suppressed += 1
            return False
        self._last[event.key] = now
        document = {"id": f"{event.key}:{int(event.ts * 1000)}", **event.as_dict()}
        await publish(self.market, CHANNEL, document)
        await self.market.lpush(RECENT_KEY, json.dumps(document))
        await self.market.ltrim(RECENT_KEY, 0, RECENT_KEPT - 1)
        self.published += 1
        self.logger.info(f"event {event.severity}: {event.text}", emoji="🚨")
        return True
