"""The leaderboard: who follows the process, not who made the most."""

MIN_CLOSED = 3


def score(trades):
    """0 to 100: half for planned risk, half for keeping losses within it."""
    done = [trade for trade in trades if not trade.is_open]
    if len(done) < MIN_CLOSED:
        return None
    planned = [trade for trade in done if trade.planned_risk]
    kept = [trade for trade in planned if trade.pnl >= -trade.planned_risk]
    planning = len(planned) / len(done)
    discipline = len(kept) / len(planned) if planned else 0.0
    return round(50 * planning + 50 * discipline, 1)


def ranking(trades, limit=20):
    """[{"rank", "user", "score", "trades"}], best first; users with few closed trades are left out."""
    users = {}
    for trade in trades:
        users.setdefault(trade.user, []).append(trade)
    scored = [(score(own), user, len(own)) for user, own in users.items()]
    ranked = sorted((row for row in scored if row[0] is not None), key=lambda row: (-row[0], row[1]))
    return [
        {"rank": place, "user": user, "score": points, "trades": count}
        for place, (points, user, count) in enumerate(ranked[:limit], start=1)
    ]
