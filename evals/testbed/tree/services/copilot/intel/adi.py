"""ADI: the canonical state of the market in one flat document, for people and for prompts."""

import csv
import io
import time

KEY = "copilot:adi:snapshot"
SCHEMA_VERSION = "1.4"
PRIMARY = "SPX"
VOLATILITY = "VIX"
VIX_REGIMES = ((30.0, "chaos"), (23.0, "goldilocks_2"), (17.0, "goldilocks_1"), (0.0, "zombieland"))


def vix_regime(level):
    """Name of the volatility regime, or "unknown" without a level."""
    if level is None:
        return "unknown"
    return next(name for floor, name in VIX_REGIMES if level >= floor)


def trend(change_pct):
    if change_pct is None:
        return "unknown"
    if abs(change_pct) < 0.1:
        return "flat"
    return "up" if change_pct > 0 else "down"


def price_state(view):
    quote = view.quote(PRIMARY)
    return {
        "price": quote.get("price"),
        "prev_close": quote.get("prev_close"),
        "change_pct": quote.get("change_pct"),
        "trend": trend(quote.get("change_pct")),
        "session": quote.get("session", "unknown"),
    }


def gamma_state(view):
    model = view.gex_of(PRIMARY)
    price = view.price(PRIMARY)
    zero = model.get("zero_gamma")
    return {
        "net": model.get("net"),
        "regime": view.gex.get("regime", "unknown"),
        "call_wall": model.get("call_wall"),
        "put_wall": model.get("put_wall"),
        "zero_gamma": zero,
        "distance_to_zero": round(price - zero, 2) if price is not None and zero is not None else None,
    }


def volatility_state(view):
    level = view.price(VOLATILITY)
    return {"vix": level, "regime": vix_regime(level), "change_pct": view.change_pct(VOLATILITY)}


def structure_state(view):
    """Open interest and its put/call ratio out of the chain."""
    rows = view.chain_of(PRIMARY).get("strikes") or []
    calls = sum((row.get("call") or {}).get("oi", 0) for row in rows)
    puts = sum((row.get("put") or {}).get("oi", 0) for row in rows)
    return {
        "call_oi": calls,
        "put_oi": puts,
        "put_call_ratio": round(puts / calls, 3) if calls else None,
        "strikes": len(rows),
    }


def breadth_state(view):
    """How many symbols are up and down; those without a previous close do not count."""
    changes = [view.change_pct(symbol) for symbol in view.symbols if symbol != VOLATILITY]
    known = [change for change in changes if change is not None]
    return {"up": sum(change > 0 for change in known), "down": sum(change < 0 for change in known)}


def build_adi(view, mel, alerts_active):
    """`copilot:adi:snapshot`."""
    return {
        "schema": SCHEMA_VERSION,
        "ts": time.time(),
        "price_state": price_state(view),
        "gamma_state": gamma_state(view),
        "volatility_state": volatility_state(view),
        "structure_state": structure_state(view),
        "breadth_state": breadth_state(view),
        "mel_state": {"overall": (mel or {}).get("overall"), "band": (mel or {}).get("band", "unknown")},
        "alerts_active": alerts_active,
        "missing": view.missing(),
    }


def as_csv(adi):
    """The same as two lines of CSV, sections and fields joined by a dot."""
    flat = {}
    for section, value in adi.items():
        if isinstance(value, dict):
            flat.update({f"{section}.{name}": item for name, item in value.items()})
        elif not isinstance(value, list):
            flat[section] = value
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(flat))
    writer.writeheader()
    writer.writerow(flat)
    return out.getvalue()
