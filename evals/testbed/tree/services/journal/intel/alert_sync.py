"""Alerts for copilot: hash `alerts:active` and channel `alerts:sync`, both in system-redis."""

import json

from shared.redis_io import publish

KEY = "alerts:active"
CHANNEL = "alerts:sync"


class AlertSync:
    """Mirrors the alerts of the database; Redis is what copilot reads."""

    def __init__(self, system, logger):
        self.system = system
        self.logger = logger

    async def replace_all(self, alerts):
        """After a start: the database is right, whatever the hash says."""
        await self.system.delete(KEY)
        if alerts:
            await self.system.hset(KEY, mapping={str(a["id"]): json.dumps(a) for a in alerts})
        await publish(self.system, CHANNEL, {"action": "reload"})

    async def upsert(self, alert):
        await self.system.hset(KEY, alert["id"], json.dumps(alert))
        await publish(self.system, CHANNEL, {"action": "upsert", "alert": alert})

    async def delete(self, alert_id):
        await self.system.hdel(KEY, str(alert_id))
        await publish(self.system, CHANNEL, {"action": "delete", "id": str(alert_id)})
