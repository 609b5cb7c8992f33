"""Spot prices: provider feed -> `massive:spot`, the channel and the key of the same name."""

import asyncio
import time

from services.massive.intel.provider import ProviderClosed, ProviderFeed, fetch_reference
from services.massive.intel.symbols import configured, symbol_of
from shared.redis_io import publish, write_model

CHANNEL = "massive:spot"
KEY = "massive:spot"


class SpotWorker:
    """Keeps one connection to the feed open and fans its values out."""

    name = "spot"

    def __init__(self, config, logger, market, board):
        self.logger = logger
        self.market = market
        self.board = board
        self.instruments = configured(config)
        self.tickers = [item.ticker for item in self.instruments]
        self.url = config.get("MASSIVE_WS_URL")
        self.api_key = config.get("MASSIVE_API_KEY")
        self.session = config.get("MASSIVE_SESSION", "open")
        self.interval_sec = float(config.get("MASSIVE_SPOT_INTERVAL_SEC", 0.5))
        self.reconnect_delay_sec = float(config.get("MASSIVE_RECONNECT_DELAY_SEC", 5))
        self.reference = {}
        self.received = 0
        self.published = 0
        self.reconnects = 0

    async def run(self, stop):
        """Connect, stream, and connect again, until stopped."""
        self.logger.info(f"[spot] {len(self.tickers)} tickers, session {self.session}", emoji="📡")
        while not stop.is_set():
            try:
                await self._stream(stop)
            except ProviderClosed as exc:
                self.reconnects += 1
                self.logger.error(f"[spot] WebSocket connection closed: {exc} url={self._logged_url()}")
            except OSError as exc:
                self.reconnects += 1
                self.logger.error(f"[spot] feed error: {exc}")
            if not stop.is_set():
                self.logger.info(f"[spot] reconnecting in {self.reconnect_delay_sec:g}s", emoji="🔁")
                await pause(stop, self.reconnect_delay_sec)

    async def _stream(self, stop):
        feed = ProviderFeed(self.url, self.api_key, self.session, self.interval_sec)
        await feed.connect()
        self.reference = await fetch_reference(self.tickers)
        await feed.subscribe(self.tickers)
        try:
            while not stop.is_set():
                await self._handle_batch(await feed.receive())
        finally:
            await feed.close()

    async def _handle_batch(self, batch):
        for event in batch:
            self.received += 1
            if event.get("ev") != "V":
                continue
            quote = self._quote(event)
            self.board[quote["symbol"]] = quote
            await publish(self.market, CHANNEL, quote)
            self.published += 1
        await write_model(self.market, KEY, {"ts": time.time(), "symbols": self.board})

    def _quote(self, event):
        reference = self.reference.get(event["T"], {})
        prev_close = reference.get("prev_close")
        quote = {
            "symbol": symbol_of(event["T"]),
            "price": event["val"],
            "prev_close": prev_close,
            "type": reference.get("type", "index"),
            "session": self.session,
            "ts": event["t"] / 1000,
        }
        if prev_close:
            quote["change_pct"] = round((event["val"] - prev_close) / prev_close * 100, 3)
        return quote

    def _logged_url(self):
        return f"{self.url}?apiKey={self.api_key}"

    def stats(self):
        return {"received": self.received, "published": self.published, "reconnects": self.reconnects}


async def pause(stop, seconds):
    """Sleep that a stop ends."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except asyncio.TimeoutError:
        pass
