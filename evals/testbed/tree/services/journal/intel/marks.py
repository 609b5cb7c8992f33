"""Open positions marked to massive's last prices -> `journal:positions:marks`."""

import time

SPOT_KEY = "massive:spot"
KEY = "journal:positions:marks"


def mark_positions(trades, spot):
    """{"ts", "positions": [...], "unrealized", "unmarked": [symbols]} for open trades.

    `spot` is the document of `massive:spot`, or None while massive is away.
    """
    quotes = (spot or {}).get("symbols") or {}
    positions, unmarked = [], set()
    for trade in trades:
        if not trade.is_open:
            continue
        price = (quotes.get(trade.symbol) or {}).get("price")
        if price is None:
            unmarked.add(trade.symbol)
            continue
        positions.append(
            {"id": trade.id, "user": trade.user, "symbol": trade.symbol, "mark": price, "pnl": trade.pnl_at(price)}
        )
    return {
        "ts": time.time(),
        "positions": positions,
        "unrealized": round(sum(position["pnl"] for position in positions), 2),
        "unmarked": sorted(unmarked),
    }
