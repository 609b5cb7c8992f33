import json
import os

import redis.asyncio as aioredis


class SetupBase:
    def __init__(self, name, logger):
        self.name, self.logger = name, logger

    async def load(self):
        client = aioredis.from_url(os.environ["SYSTEM_REDIS_URL"])
        raw = await client.get("truth")
        await client.aclose()
        if raw is None:
            raise RuntimeError("Truth key 'truth' not found")
        component = json.loads(raw).get("components", {}).get(self.name)
        if component is None:
            raise RuntimeError(f"Component '{self.name}' missing in Truth")
        self.logger.info(f"Truth loaded for {self.name}")
        return {**component, "service_name": self.name, **component.get("env", {})}
