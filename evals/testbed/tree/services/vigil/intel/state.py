"""What vigil remembers: a window of prices per symbol."""

from collections import deque
from dataclasses import dataclass, field

MIN_SAMPLES = 5
MAX_SAMPLES = 2000


@dataclass
class SymbolState:
    """The last `window_sec` seconds of one symbol."""

    symbol: str
    window_sec: float
    samples: deque = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))
    last: object = None
    high: float | None = None
    low: float | None = None
    updates: int = 0

    def update(self, spot):
        """Take a new price in; prices that are older than the window go."""
        self.samples.append((spot.ts, spot.price))
        while self.samples and self.samples[0][0] < spot.ts - self.window_sec:
            self.samples.popleft()
        self.high = spot.price if self.high is None else max(self.high, spot.price)
        self.low = spot.price if self.low is None else min(self.low, spot.price)
        self.last = spot
        self.updates += 1

    @property
    def ready(self):
        return len(self.samples) >= MIN_SAMPLES

    def move_pct(self):
        """Move over the window in per cent; 0 before there are enough samples."""
        if not self.ready:
            return 0.0
        first = self.samples[0][1]
        return (self.samples[-1][1] - first) / first * 100

    def range_pct(self):
        """High to low over the window in per cent of the low."""
        if not self.ready:
            return 0.0
        prices = [price for _, price in self.samples]
        return (max(prices) - min(prices)) / min(prices) * 100

    def summary(self):
        return {
            "price": self.last.price if self.last else None,
            "move_pct": round(self.move_pct(), 3),
            "range_pct": round(self.range_pct(), 3),
            "high": self.high,
            "low": self.low,
            "samples": len(self.samples),
        }


class MarketState:
    """All symbols, made when they are first seen."""

    def __init__(self, window_sec):
        self.window_sec = window_sec
        self.symbols = {}
        self.gex = None

    def update(self, spot):
        state = self.symbols.get(spot.symbol)
        if state is None:
            state = self.symbols[spot.symbol] = SymbolState(spot.symbol, self.window_sec)
        state.update(spot)
        return state

    def levels(self, symbol):
        """Gamma levels of a symbol that matter as lines: {"call_wall": strike, ...}, without the missing."""
        model = ((self.gex or {}).get("symbols") or {}).get(symbol) or {}
        names = ("call_wall", "put_wall", "zero_gamma")
        return {name: model[name] for name in names if model.get(name) is not None}

    def summary(self):
        return {symbol: state.summary() for symbol, state in sorted(self.symbols.items())}
