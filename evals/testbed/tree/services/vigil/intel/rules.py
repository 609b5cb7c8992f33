"""What counts as an event. A rule looks at one symbol's state after each price.

    rule.check(state, market) -> Event | None
"""

from dataclasses import asdict, dataclass

SEVERITIES = ("info", "notice", "warning", "critical")


@dataclass(frozen=True)
class Event:
    """Something that happened. `key` is what the cooldown goes by."""

    kind: str
    symbol: str
    severity: str
    value: float
    text: str
    ts: float
    price: float

    @property
    def key(self):
        return f"{self.kind}:{self.symbol}"

    def as_dict(self):
        return asdict(self)


def severity_of(value, threshold):
    """How loud: 1x the threshold is a notice, 2x a warning, 3x critical."""
    ratio = abs(value) / threshold if threshold else 0
    if ratio >= 3:
        return "critical"
    if ratio >= 2:
        return "warning"
    return "notice" if ratio >= 1 else "info"


class PriceMoveRule:
    """A move over the window that is larger than the threshold."""

    kind = "price_move"

    def __init__(self, threshold_pct):
        self.threshold_pct = threshold_pct

    def check(self, state, market):
        if state.last.is_volatility or not state.ready:
            return None
        move = state.move_pct()
        if abs(move) < self.threshold_pct:
            return None
        direction = "up" if move > 0 else "down"
        return Event(
            kind=self.kind,
            symbol=state.symbol,
            severity=severity_of(move, self.threshold_pct),
            value=round(move, 3),
            text=f"{state.symbol} {direction} {abs(move):.2f}% in {market.window_sec:g}s",
            ts=state.last.ts,
            price=state.last.price,
        )


class VixSpikeRule:
    """Volatility that jumps. Only upwards: a falling VIX is no news."""

    kind = "vix_spike"

    def __init__(self, threshold_pct):
        self.threshold_pct = threshold_pct

    def check(self, state, market):
        if not state.last.is_volatility or not state.ready:
            return None
        move = state.move_pct()
        if move < self.threshold_pct:
            return None
        return Event(
            kind=self.kind,
            symbol=state.symbol,
            severity=severity_of(move, self.threshold_pct),
            value=round(move, 3),
            text=f"{state.symbol} spikes {move:.1f}% to {state.last.price:.2f}",
            ts=state.last.ts,
            price=state.last.price,
        )


class LevelCrossRule:
    """The price crosses a gamma level of massive's model."""

    kind = "level_cross"

    def check(self, state, market):
        if len(state.samples) < 2:
            return None
        before, now = state.samples[-2][1], state.samples[-1][1]
        for name, strike in market.levels(state.symbol).items():
            if (before < strike) != (now < strike):
                side = "above" if now >= strike else "below"
                return Event(
                    kind=f"{self.kind}.{name}",
                    symbol=state.symbol,
                    severity="notice",
                    value=strike,
                    text=f"{state.symbol} {side} {name.replace('_', ' ')} {strike:g}",
                    ts=state.last.ts,
                    price=now,
                )
        return None


class RangeRule:
    """A window that is unusually wide, whatever its direction."""

    kind = "wide_range"

    def __init__(self, threshold_pct):
        self.threshold_pct = threshold_pct

    def check(self, state, market):
        if state.last.is_volatility or not state.ready:
            return None
        width = state.range_pct()
        if width < self.threshold_pct:
            return None
        return Event(
            kind=self.kind,
            symbol=state.symbol,
            severity=severity_of(width, self.threshold_pct),
            value=round(width, 3),
            text=f"{state.symbol} has a {width:.2f}% range in {market.window_sec:g}s",
            ts=state.last.ts,
            price=state.last.price,
        )


def build_rules(config):
    """The rules with the thresholds of this node, in the order in which they are asked."""
    move = float(config.get("VIGIL_MOVE_PCT", 0.35))
    spike = float(config.get("VIGIL_VIX_SPIKE_PCT", 4.0))
    return [
        PriceMoveRule(move),
        VixSpikeRule(spike),
        LevelCrossRule(),
        RangeRule(2 * move),
    ]
