"""A spot price as vigil sees it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spot:
    """One price of one symbol. `prev_close` is None on an instrument's first trading day."""

    symbol: str
    price: float
    ts: float
    prev_close: float | None = None
    kind: str = "index"
    session: str = "open"

    @property
    def is_volatility(self):
        return self.kind == "volatility"


def parse_spot(message):
    """A Spot out of a message of `massive:spot`, or None where the message is no price."""
    if not isinstance(message, dict):
        return None
    symbol, price = message.get("symbol"), message.get("price")
    if not symbol or not isinstance(price, (int, float)) or price <= 0:
        return None
    return Spot(
        symbol=symbol,
        price=float(price),
        ts=float(message.get("ts") or 0.0),
        prev_close=message.get("prev_close"),
        kind=message.get("type", "index"),
        session=message.get("session", "open"),
    )
