import asyncio
import json


def widest(levels):
    """The distance of the outermost levels."""
    strikes = sorted(levels.values())
    return strikes[-1] - strikes[0] if strikes else 0


class LevelsWorker:
    def __init__(self, market, logger, interval):
        self.market, self.logger, self.interval = market, logger, interval

    async def read(self):
        raw = await self.market.get("massive:levels")
        try:
            return json.loads(raw) if raw is not None else {}
        except ValueError as error:
            self.logger.warn(f"levels dropped: {error}")
            return {}

    async def step(self):
        levels = await self.read()
        await self.market.set("pulse:state", json.dumps({"levels": len(levels), "widest": widest(levels)}))

    async def run(self):
        while True:
            await self.step()
            await asyncio.sleep(self.interval)
