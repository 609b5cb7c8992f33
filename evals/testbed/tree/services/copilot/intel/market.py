"""What massive says right now, read in one go."""

import json
import time
from dataclasses import dataclass, field

SPOT_KEY = "massive:spot"
CHAIN_KEY = "massive:chain:latest"
GEX_KEY = "massive:gex:model"
HEATMAP_KEY = "massive:heatmap:model:{symbol}:latest"
HEATMAP_SYMBOLS = ("SPX", "NDX")
STALE_AFTER_SEC = 30


@dataclass
class MarketView:
    """massive's models at one moment. What is not there is an empty dict."""

    spot: dict = field(default_factory=dict)
    chain: dict = field(default_factory=dict)
    gex: dict = field(default_factory=dict)
    heatmaps: dict = field(default_factory=dict)
    read_at: float = field(default_factory=time.time)

    def quote(self, symbol):
        """The last quote of a symbol: {"price", "prev_close", "change_pct", ...} or {}."""
        return (self.spot.get("symbols") or {}).get(symbol) or {}

    def price(self, symbol):
        return self.quote(symbol).get("price")

    def change_pct(self, symbol):
        """Change since the previous close; None where there was none."""
        return self.quote(symbol).get("change_pct")

    def gex_of(self, symbol):
        return (self.gex.get("symbols") or {}).get(symbol) or {}

    def chain_of(self, symbol):
        return (self.chain.get("chains") or {}).get(symbol) or {}

    @property
    def symbols(self):
        return sorted(self.spot.get("symbols") or {})

    def age_sec(self, model):
        """Seconds since a model was written; None where it is missing or says no time."""
        ts = getattr(self, model).get("ts")
        return None if ts is None else max(0.0, self.read_at - ts)

    def missing(self):
        return [name for name in ("spot", "chain", "gex", "heatmaps") if not getattr(self, name)]

    def stale(self):
        ages = {name: self.age_sec(name) for name in ("spot", "chain", "gex")}
        return [name for name, age in ages.items() if age is not None and age > STALE_AFTER_SEC]


async def read_market(client):
    """One MGET over all of massive's models."""
    heatmap_keys = [HEATMAP_KEY.format(symbol=symbol) for symbol in HEATMAP_SYMBOLS]
    raw = await client.mget([SPOT_KEY, CHAIN_KEY, GEX_KEY, *heatmap_keys])
    documents = [_parse(value) for value in raw]
    heatmaps = {
        symbol: document
        for symbol, document in zip(HEATMAP_SYMBOLS, documents[3:], strict=True)
        if document
    }
    return MarketView(spot=documents[0], chain=documents[1], gex=documents[2], heatmaps=heatmaps)


def _parse(raw):
    if raw is None:
        return {}
    try:
        document = json.loads(raw)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
