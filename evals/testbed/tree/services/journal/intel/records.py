"""What journal stores: trades, journal entries, alerts. Validation of what the UI sends."""

from dataclasses import asdict, dataclass, field

from shared.httpd import HttpError

STRATEGIES = ("single", "vertical", "butterfly", "iron_condor", "stock")
SIDES = ("long", "short")
ALERT_TYPES = ("price", "change_pct", "vix", "gamma_regime", "wall_distance")


@dataclass
class Trade:
    """One trade. Prices are per contract in points; `exit_price` is None while it is open."""

    id: int
    user: str
    symbol: str
    strategy: str
    side: str
    quantity: int
    entry_price: float
    entry_time: float
    exit_price: float | None = None
    exit_time: float | None = None
    multiplier: int = 100
    planned_risk: float | None = None
    notes: str = ""
    tags: list = field(default_factory=list)

    @property
    def is_open(self):
        return self.exit_price is None

    @property
    def sign(self):
        return 1 if self.side == "long" else -1

    def pnl_at(self, price):
        """Profit in dollars if it were closed at `price`."""
        return round((price - self.entry_price) * self.sign * self.quantity * self.multiplier, 2)

    @property
    def pnl(self):
        return None if self.is_open else self.pnl_at(self.exit_price)

    @property
    def r_multiple(self):
        """Profit in units of the planned risk; None while open or without a plan."""
        if self.is_open or not self.planned_risk:
            return None
        return round(self.pnl / self.planned_risk, 2)

    def as_dict(self):
        return {**asdict(self), "pnl": self.pnl, "r_multiple": self.r_multiple}


def require(body, name, kind):
    """A field of a request body, or 400."""
    if name not in body:
        raise HttpError(400, f"'{name}' is missing")
    try:
        return kind(body[name])
    except (TypeError, ValueError) as exc:
        raise HttpError(400, f"'{name}' must be a {kind.__name__}") from exc


def one_of(value, allowed, name):
    if value not in allowed:
        raise HttpError(400, f"'{name}' must be one of {', '.join(allowed)}")
    return value


def parse_trade(body, trade_id, user, now):
    """A new Trade out of a request body. Raises HttpError 400."""
    quantity = require(body, "quantity", int)
    if quantity <= 0:
        raise HttpError(400, "'quantity' must be positive")
    return Trade(
        id=trade_id,
        user=user,
        symbol=require(body, "symbol", str).upper(),
        strategy=one_of(body.get("strategy", "single"), STRATEGIES, "strategy"),
        side=one_of(body.get("side", "long"), SIDES, "side"),
        quantity=quantity,
        entry_price=require(body, "entry_price", float),
        entry_time=float(body.get("entry_time") or now),
        planned_risk=float(body["planned_risk"]) if body.get("planned_risk") else None,
        multiplier=int(body.get("multiplier", 100)),
        notes=str(body.get("notes", "")),
        tags=list(body.get("tags") or []),
    )


def parse_alert(body, alert_id, user):
    """An alert as copilot takes it. Raises HttpError 400."""
    return {
        "id": str(alert_id),
        "user": user,
        "type": one_of(body.get("type"), ALERT_TYPES, "type"),
        "symbol": str(body.get("symbol", "SPX")).upper(),
        "condition": one_of(body.get("condition", "above"), ("above", "below", "is"), "condition"),
        "target": body.get("target", 0),
        "enabled": bool(body.get("enabled", True)),
        "repeat": bool(body.get("repeat", False)),
        "note": str(body.get("note", "")),
    }
