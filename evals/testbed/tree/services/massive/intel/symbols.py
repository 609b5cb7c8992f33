"""What massive follows, and how the provider calls it."""

from dataclasses import dataclass

INDEX_PREFIX = "I:"


@dataclass(frozen=True)
class Instrument:
    """One symbol. `base` is where its simulated price starts; `prev_close` is None on its first day."""

    symbol: str
    kind: str
    base: float
    prev_close: float | None
    strike_step: float
    multiplier: int = 100

    @property
    def ticker(self):
        """The provider's name: indices carry a prefix, ETFs do not."""
        return f"{INDEX_PREFIX}{self.symbol}" if self.kind in ("index", "volatility") else self.symbol


INSTRUMENTS = {
    item.symbol: item
    for item in (
        Instrument("SPX", "index", 6118.50, 6101.24, 5.0),
        Instrument("NDX", "index", 22104.75, 22011.30, 25.0),
        Instrument("RUT", "index", 2284.10, 2279.85, 5.0),
        Instrument("VIX", "volatility", 15.42, 15.87, 0.5),
        Instrument("SPY", "etf", 610.12, 608.44, 1.0),
        Instrument("QQQ", "etf", 537.90, 535.71, 1.0),
        # Listed this week: the provider has no previous close for it yet.
        Instrument("SPXM", "index", 611.85, None, 0.5),
    )
}


def configured(config):
    """The instruments that Truth names for this node, in its order; unknown names are left out."""
    names = (config.get("models") or {}).get("symbols") or list(INSTRUMENTS)
    return [INSTRUMENTS[name] for name in names if name in INSTRUMENTS]


def symbol_of(ticker):
    """Our symbol for a ticker of the provider."""
    return ticker[len(INDEX_PREFIX) :] if ticker.startswith(INDEX_PREFIX) else ticker
