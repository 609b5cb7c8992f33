"""`autohealer stats --html`: the numbers as a page with plots, in one file."""

from __future__ import annotations

from collections.abc import Callable

from agent.report.charts import TONES, Bar, bars, over_time, times
from agent.report.html import fill_html
from agent.stats import Share, Spread, Stats


def render_stats(stats: Stats, over: str, clean: Callable[[str], str]) -> str:
    """The page; `over` says in words which incidents were counted."""
    outcomes = {name: float(count) for name, count in stats.outcomes.items()}
    categories = {name: float(count) for name, count in stats.categories.items()}
    return fill_html(
        "stats.html",
        clean,
        stats=stats,
        over=over,
        told_spread=told_spread,
        money=told_money(stats.total),
        outcomes=bars(outcomes, {name: str(int(count)) for name, count in outcomes.items()}, TONES),
        categories=bars(categories, {name: str(int(count)) for name, count in categories.items()}, {}),
        services=_cost_bars(stats.by_service),
        models=_cost_bars(stats.by_model),
        over_time=over_time(stats.entries),
        times=times(stats.entries),
    )


def told_spread(spread: Spread) -> str:
    """Times in words."""
    if spread.median is None or spread.p90 is None:
        return "none yet"
    return f"{spread.median:.1f} s in the middle, nine of ten below {spread.p90:.1f} s, of {spread.count}"


def told_money(share: Share) -> str:
    """Cost in words; what has no known price is said, not counted as nothing."""
    if not share.requests:
        return "nothing: no model was asked"
    if share.unpriced == share.requests:
        return f"price unknown ({share.requests} requests)"
    rest = f", and {share.unpriced} requests without a known price" if share.unpriced else ""
    return f"${share.cost_usd:.4f}{rest}"


def _cost_bars(shares: dict[str, Share]) -> tuple[Bar, ...]:
    costs = {name: share.cost_usd for name, share in shares.items()}
    told = {
        name: f"{told_money(share)}; {share.incidents} incident{'s' * (share.incidents != 1)}"
        for name, share in shares.items()
    }
    return bars(costs, told, {})
