"""Numbers about closed trades."""

from collections import defaultdict
from datetime import datetime, timezone


def closed(trades):
    return sorted((trade for trade in trades if not trade.is_open), key=lambda trade: trade.exit_time or 0.0)


def win_rate(trades):
    """Share of winners among closed trades, 0 to 1; None without any."""
    done = closed(trades)
    return round(sum(trade.pnl > 0 for trade in done) / len(done), 4) if done else None


def profit_factor(trades):
    """Gross profit over gross loss; None where nothing was lost."""
    gains = sum(trade.pnl for trade in closed(trades) if trade.pnl > 0)
    losses = -sum(trade.pnl for trade in closed(trades) if trade.pnl < 0)
    return round(gains / losses, 3) if losses else None


def equity_curve(trades, start=0.0):
    """[(exit time, balance)] after each closed trade."""
    curve, balance = [], start
    for trade in closed(trades):
        balance = round(balance + trade.pnl, 2)
        curve.append((trade.exit_time, balance))
    return curve


def max_drawdown(trades):
    """The deepest fall from a peak of the equity, in dollars; 0 without trades."""
    peak = deepest = 0.0
    for _, balance in equity_curve(trades):
        peak = max(peak, balance)
        deepest = max(deepest, peak - balance)
    return round(deepest, 2)


def expectancy(trades):
    """Average R of closed trades with a plan; None without any."""
    multiples = [trade.r_multiple for trade in closed(trades) if trade.r_multiple is not None]
    return round(sum(multiples) / len(multiples), 3) if multiples else None


def by_day(trades):
    """Profit per UTC day of the exit: {"2026-03-02": 125.0}."""
    days = defaultdict(float)
    for trade in closed(trades):
        day = datetime.fromtimestamp(trade.exit_time, timezone.utc).strftime("%Y-%m-%d")
        days[day] += trade.pnl
    return {day: round(pnl, 2) for day, pnl in sorted(days.items())}


def by_strategy(trades):
    """{strategy: {"trades", "pnl", "win_rate"}}."""
    groups = defaultdict(list)
    for trade in closed(trades):
        groups[trade.strategy].append(trade)
    return {
        name: {
            "trades": len(group),
            "pnl": round(sum(trade.pnl for trade in group), 2),
            "win_rate": win_rate(group),
        }
        for name, group in sorted(groups.items())
    }


def summary(trades):
    done = closed(trades)
    return {
        "closed": len(done),
        "open": len(trades) - len(done),
        "pnl": round(sum(trade.pnl for trade in done), 2),
        "win_rate": win_rate(trades),
        "profit_factor": profit_factor(trades),
        "expectancy_r": expectancy(trades),
        "max_drawdown": max_drawdown(trades),
        "by_strategy": by_strategy(trades),
        "by_day": by_day(trades),
    }
