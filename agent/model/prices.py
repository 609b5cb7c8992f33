"""What a request cost: as the provider bills it, else by a dated list of prices.

The list holds the providers' public prices as known on the date below; where no price for cached
input is known, the full one is taken. What neither it nor the settings know costs None, never zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.model.protocol import Usage
from agent.model.spec import Prices

KNOWN_ON = "2026-11-22"
TICKS = 10**10
"""xAI bills in ticks: so many make a dollar."""

PRICES: Mapping[str, Prices] = {
    "grok-4": Prices(3.00, 0.75, 15.00),
    "grok-4.3": Prices(1.25, 1.25, 2.50),
    "grok-4.5": Prices(2.00, 2.00, 6.00),
    "grok-4.6": Prices(2.00, 2.00, 6.00),
    "grok-4.7": Prices(2.00, 2.00, 6.00),
    "gpt-4o-mini": Prices(0.15, 0.075, 0.60),
}
SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$")


def priced(usage: Usage, served: str, asked: str, own: Prices | None = None) -> float | None:
    """US dollars by price list: `own` prices first, then those of the model that answered."""
    prices = own or PRICES.get(family(served)) or (PRICES.get(family(asked)) if not served else None)
    if prices is None:
        return None
    fresh = max(0, usage.input_tokens - usage.cached_tokens)
    cost = fresh * prices.input + usage.cached_tokens * prices.cached + usage.output_tokens * prices.output
    return cost / 1_000_000


def billed(usage: Mapping[str, Any]) -> float | None:
    """US dollars as the provider itself says, or None."""
    ticks = usage.get("cost_in_usd_ticks")
    return ticks / TICKS if isinstance(ticks, int | float) and not isinstance(ticks, bool) else None


def family(model: str) -> str:
    """A model id without its snapshot date or the organisation before it."""
    return SNAPSHOT.sub("", model.rsplit("/", 1)[-1])
