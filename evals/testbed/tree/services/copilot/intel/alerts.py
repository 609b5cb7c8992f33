"""Alerts: what the user wants to be told, and whether it has come to pass."""

import time
from dataclasses import dataclass

TYPES = ("price", "change_pct", "vix", "gamma_regime", "wall_distance")
DEFAULT_COOLDOWN_SEC = 60.0


@dataclass
class Alert:
    """One rule of a user. `target` is a number, or "positive"/"negative" for gamma_regime."""

    id: str
    type: str
    symbol: str = "SPX"
    condition: str = "above"
    target: float | str = 0.0
    enabled: bool = True
    repeat: bool = False
    cooldown_sec: float = DEFAULT_COOLDOWN_SEC
    note: str = ""

    @classmethod
    def from_dict(cls, raw):
        """Raises ValueError for a type or condition that does not exist."""
        if raw.get("type") not in TYPES:
            raise ValueError(f"unknown alert type {raw.get('type')!r}")
        condition = raw.get("condition", "above")
        if condition not in ("above", "below", "is"):
            raise ValueError(f"unknown condition {condition!r}")
        target = raw.get("target", 0.0)
        return cls(
            id=str(raw["id"]),
            type=raw["type"],
            symbol=raw.get("symbol", "SPX"),
            condition=condition,
            target=target if raw["type"] == "gamma_regime" else float(target),
            enabled=bool(raw.get("enabled", True)),
            repeat=bool(raw.get("repeat", False)),
            cooldown_sec=float(raw.get("cooldown_sec", DEFAULT_COOLDOWN_SEC)),
            note=raw.get("note", ""),
        )


def current_value(alert, view):
    """What the alert compares with its target; None while the market does not say."""
    if alert.type == "price":
        return view.price(alert.symbol)
    if alert.type == "change_pct":
        return view.change_pct(alert.symbol)
    if alert.type == "vix":
        return view.price("VIX")
    if alert.type == "gamma_regime":
        return view.gex.get("regime")
    price, wall = view.price(alert.symbol), view.gex_of(alert.symbol).get("call_wall")
    return None if price is None or wall is None else round(abs(price - wall), 2)


def holds(alert, value):
    """Whether the condition of an alert holds for a value that is not None."""
    if alert.condition == "is":
        return value == alert.target
    return value > alert.target if alert.condition == "above" else value < alert.target


class AlertEngine:
    """Evaluates alerts against the market; each fires when its condition begins to hold."""

    def __init__(self, logger):
        self.logger = logger
        self.alerts = {}
        self.evaluations = 0
        self._holding = {}
        self._fired_at = {}

    def replace_all(self, raw_alerts):
        self.alerts = {}
        for raw in raw_alerts:
            self.upsert(raw)

    def upsert(self, raw):
        """Take one alert in; one that makes no sense is told and left out."""
        try:
            alert = Alert.from_dict(raw)
        except (KeyError, ValueError, TypeError) as exc:
            self.logger.warn(f"alert ignored: {exc}")
            return None
        self.alerts[alert.id] = alert
        return alert

    def remove(self, alert_id):
        self._holding.pop(alert_id, None)
        return self.alerts.pop(alert_id, None) is not None

    def evaluate(self, view):
        """The alerts that fire now, as events for `copilot:alerts:events`."""
        self.evaluations += 1
        fired = []
        for alert in list(self.alerts.values()):
            if not alert.enabled:
                continue
            value = current_value(alert, view)
            if value is None:
                continue
            before, now = self._holding.get(alert.id, False), holds(alert, value)
            self._holding[alert.id] = now
            if now and (not before or self._repeats(alert)):
                fired.append(self._event(alert, value))
        return fired

    def _repeats(self, alert):
        last = self._fired_at.get(alert.id)
        return alert.repeat and last is not None and time.monotonic() - last >= alert.cooldown_sec

    def _event(self, alert, value):
        self._fired_at[alert.id] = time.monotonic()
        return {
            "ts": time.time(),
            "alert_id": alert.id,
            "type": alert.type,
            "symbol": alert.symbol,
            "condition": alert.condition,
            "target": alert.target,
            "value": value,
            "note": alert.note,
        }
