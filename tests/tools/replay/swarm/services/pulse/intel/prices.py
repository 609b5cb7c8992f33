from shared.redis_io import messages, publish


def change_pct(spot):
    """The change since the previous close in per cent."""
    if not spot.get("prev_close"):
        return 0.0
    return (float(spot["price"]) - spot["prev_close"]) / spot["prev_close"] * 100


class PriceWorker:
    def __init__(self, market, logger):
        self.market, self.logger = market, logger

    async def handle(self, spot):
        event = {"symbol": spot["symbol"], "change": change_pct(spot)}
        await publish(self.market, "pulse:events", document=event)

    async def run(self):
        async for spot in messages(self.market, "massive:spot"):
            await self.handle(spot)
