"""Option chains: provider REST -> `massive:chain:latest`."""

import time

from services.massive.intel.provider import fetch_chain
from services.massive.intel.spot_worker import pause
from shared.redis_io import write_model

KEY = "massive:chain:latest"


class ChainWorker:
    """Loads the chains of the heatmap symbols around their spot."""

    name = "chain"

    def __init__(self, config, logger, market, board, chains):
        self.logger = logger
        self.market = market
        self.board = board
        self.chains = chains
        self.symbols = (config.get("models") or {}).get("heatmap_symbols") or ["SPX"]
        self.interval_sec = float(config.get("MASSIVE_CHAIN_INTERVAL_SEC", 2))
        self.loads = 0

    async def run(self, stop):
        self.logger.info(f"[chain] {', '.join(self.symbols)} every {self.interval_sec:g}s", emoji="⛓️")
        while not stop.is_set():
            for symbol in self.symbols:
                await self.load(symbol)
            if self.chains:
                await write_model(self.market, KEY, {"ts": time.time(), "chains": self.chains})
            await pause(stop, self.interval_sec if self.chains else 0.1)

    async def load(self, symbol):
        """Load one chain. Nothing happens before the first spot of the symbol."""
        quote = self.board.get(symbol)
        if quote is None:
            return
        contracts = await fetch_chain(symbol, quote["price"])
        self.chains[symbol] = {
            "symbol": symbol,
            "spot": quote["price"],
            "expiration": contracts[0]["expiration"],
            "strikes": self._by_strike(contracts),
            "contracts": len(contracts),
        }
        self.loads += 1

    @staticmethod
    def _by_strike(contracts):
        """Calls and puts side by side: [{"strike", "call": {...}, "put": {...}}], strikes ascending."""
        rows = {}
        for contract in contracts:
            row = rows.setdefault(contract["strike"], {"strike": contract["strike"]})
            row[contract["contract_type"]] = {
                "oi": contract["open_interest"],
                "volume": contract["volume"],
                "iv": contract["implied_volatility"],
                "gamma": contract["greeks"]["gamma"],
                "delta": contract["greeks"]["delta"],
                "mid": round((contract["bid"] + contract["ask"]) / 2, 2),
            }
        return [rows[strike] for strike in sorted(rows)]

    def stats(self):
        return {"loads": self.loads, "symbols": len(self.chains)}
