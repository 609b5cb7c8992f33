"""MEL: how effective each model is right now, 0 to 100.

A model is worth listening to when its input is fresh, complete, and when the market behaves as the
model says. Each of these is a sub-score; the weights are fixed.
"""

import time

KEY = "copilot:mel:snapshot"
WEIGHTS = {"freshness": 0.35, "coverage": 0.30, "agreement": 0.35}
FRESH_SEC = 5.0
DEAD_SEC = 60.0
EXPECTED_ROWS = 21
BANDS = ((75, "high"), (50, "medium"), (25, "low"), (0, "off"))


def freshness(age_sec):
    """100 up to FRESH_SEC, falling to 0 at DEAD_SEC; 0 for an unknown age."""
    if age_sec is None:
        return 0.0
    if age_sec <= FRESH_SEC:
        return 100.0
    return max(0.0, 100.0 * (DEAD_SEC - age_sec) / (DEAD_SEC - FRESH_SEC))


def coverage(rows, expected=EXPECTED_ROWS):
    """How much of the expected strikes is there."""
    return min(100.0, 100.0 * rows / expected) if expected else 0.0


def band(score):
    return next(name for floor, name in BANDS if score >= floor)


class MelScorer:
    """Scores the models of one underlying, and remembers the last prices for the agreement."""

    def __init__(self, symbols=("SPX", "NDX"), memory=30):
        self.symbols = symbols
        self.memory = memory
        self._prices = {symbol: [] for symbol in symbols}

    def observe(self, view):
        for symbol in self.symbols:
            price = view.price(symbol)
            if price is not None:
                self._prices[symbol] = [*self._prices[symbol][-self.memory + 1 :], price]

    def gamma_agreement(self, view, symbol):
        """Positive gamma should pin the price between the walls, negative should let it run."""
        model = view.gex_of(symbol)
        prices = self._prices[symbol]
        if not model or len(prices) < 2:
            return 50.0
        width = (max(prices) - min(prices)) / prices[-1] * 100
        calm = max(0.0, 100.0 - width * 200)
        return calm if model.get("net", 0) >= 0 else 100.0 - calm

    def heatmap_agreement(self, view, symbol):
        """Heat should sit where the volume is."""
        cells = (view.heatmaps.get(symbol) or {}).get("cells") or []
        if not cells:
            return 0.0
        hot = sorted(cells, key=lambda cell: -abs(cell.get("intensity", 0)))[:5]
        total = sum(cell.get("volume", 0) for cell in cells)
        if not total:
            return 0.0
        share = sum(cell.get("volume", 0) for cell in hot) / total
        return min(100.0, share * 220)

    def score_symbol(self, view, symbol):
        """{model: {"score", "band", "freshness", "coverage", "agreement"}} of one underlying."""
        gex_rows = len(view.gex_of(symbol).get("levels") or [])
        heat_rows = (view.heatmaps.get(symbol) or {}).get("rows", 0)
        heat_ts = (view.heatmaps.get(symbol) or {}).get("ts")
        heat_age = None if heat_ts is None else max(0.0, view.read_at - heat_ts)
        return {
            "gamma": self._score(
                freshness(view.age_sec("gex")), coverage(gex_rows), self.gamma_agreement(view, symbol)
            ),
            "heatmap": self._score(
                freshness(heat_age), coverage(heat_rows), self.heatmap_agreement(view, symbol)
            ),
        }

    @staticmethod
    def _score(fresh, cover, agree):
        parts = {"freshness": fresh, "coverage": cover, "agreement": agree}
        score = sum(WEIGHTS[name] * value for name, value in parts.items())
        return {"score": round(score, 1), "band": band(score)} | {
            name: round(value, 1) for name, value in parts.items()
        }

    def snapshot(self, view):
        """`copilot:mel:snapshot`: every symbol's scores and the average over all."""
        self.observe(view)
        symbols = {symbol: self.score_symbol(view, symbol) for symbol in self.symbols}
        scores = [model["score"] for models in symbols.values() for model in models.values()]
        overall = round(sum(scores) / len(scores), 1)
        return {
            "ts": time.time(),
            "symbols": symbols,
            "overall": overall,
            "band": band(overall),
            "missing": view.missing(),
            "stale": view.stale(),
        }
