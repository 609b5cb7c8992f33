"""Gamma exposure out of a chain."""

CONTRACT_SIZE = 100


def strike_gex(row, spot):
    """Dealer gamma of one strike in dollars per one per cent of move: calls long, puts short."""
    notional = spot * spot * 0.01 * CONTRACT_SIZE
    call = row.get("call") or {}
    put = row.get("put") or {}
    call_gex = call.get("gamma", 0.0) * call.get("oi", 0) * notional
    put_gex = put.get("gamma", 0.0) * put.get("oi", 0) * notional
    return round(call_gex - put_gex), round(call_gex), round(put_gex)


def build_gex(chain):
    """The GEX model of one symbol.

    {"symbol", "spot", "net", "levels": [{"strike", "net", "call", "put"}], "call_wall", "put_wall",
    "zero_gamma"}; zero_gamma is None where the profile does not cross zero.
    """
    levels = []
    for row in chain["strikes"]:
        net, call, put = strike_gex(row, chain["spot"])
        levels.append({"strike": row["strike"], "net": net, "call": call, "put": put})
    return {
        "symbol": chain["symbol"],
        "spot": chain["spot"],
        "net": sum(level["net"] for level in levels),
        "levels": levels,
        "call_wall": max(levels, key=lambda level: level["call"])["strike"],
        "put_wall": max(levels, key=lambda level: level["put"])["strike"],
        "zero_gamma": zero_gamma(levels),
    }


def zero_gamma(levels):
    """The strike at which the cumulated profile changes its sign, or None."""
    total = 0
    previous = None
    for level in levels:
        total += level["net"]
        if previous is not None and (previous < 0) != (total < 0):
            return level["strike"]
        previous = total
    return None


def aggregate(models):
    """`massive:gex:model`: every symbol's model, and the sum of all."""
    net = sum(model["net"] for model in models.values())
    return {
        "symbols": models,
        "net": net,
        "regime": "positive" if net >= 0 else "negative",
    }
