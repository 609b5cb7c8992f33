"""What Vexy knows when she speaks: prices, gamma, insights."""

import json
from dataclasses import dataclass, field

from shared.redis_io import read_model

SPOT_KEY = "massive:spot"
GEX_KEY = "massive:gex:model"
INSIGHTS_KEY = "content:insights:latest"
ARTICLE_KEYS = "rss:article:*"
MAX_ARTICLES = 5


@dataclass
class Context:
    spot: dict = field(default_factory=dict)
    gex: dict = field(default_factory=dict)
    insights: list = field(default_factory=list)
    headlines: list = field(default_factory=list)

    def facts(self):
        """The context in a sentence; "" when there is nothing to say."""
        parts = []
        quote = (self.spot.get("symbols") or {}).get("SPX") or {}
        if quote.get("price") is not None:
            change = quote.get("change_pct")
            suffix = "" if change is None else f" ({change:+.2f}%)"
            parts.append(f"SPX {quote['price']:.2f}{suffix}")
        vix = (self.spot.get("symbols") or {}).get("VIX") or {}
        if vix.get("price") is not None:
            parts.append(f"VIX {vix['price']:.2f}")
        if self.gex.get("regime"):
            parts.append(f"gamma {self.gex['regime']}")
        if self.insights:
            parts.append(self.insights[0].get("headline", ""))
        return ", ".join(part for part in parts if part)


async def gather_context(market, intel):
    """Read everything; what is not there stays empty."""
    insights = await read_model(intel, INSIGHTS_KEY) or {}
    return Context(
        spot=await read_model(market, SPOT_KEY) or {},
        gex=await read_model(market, GEX_KEY) or {},
        insights=insights.get("insights") or [],
        headlines=await _headlines(intel),
    )


async def _headlines(intel):
    titles = []
    async for key in intel.scan_iter(match=ARTICLE_KEYS, count=100):
        raw = await intel.get(key)
        if raw is None:
            continue
        article = json.loads(raw)
        titles.append((article.get("published") or "", article.get("title") or ""))
        if len(titles) >= MAX_ARTICLES:
            break
    return [title for _, title in sorted(titles, reverse=True)]
