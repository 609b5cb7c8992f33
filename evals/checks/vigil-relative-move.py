# ruff: noqa: N999
from services.vigil.intel.rules import VixSpikeRule, build_rules
from services.vigil.intel.spot import Spot
from services.vigil.intel.state import MarketState


def fed(prices, symbol="SPX", kind="index", prev_close=100.0):
    market, state = MarketState(window_sec=60), None
    for second, price in enumerate(prices):
        state = market.update(Spot(symbol, price, 1000.0 + second, prev_close, kind))
    return state, market


def check_an_instrument_without_a_close_is_watched():
    state, market = fed([611.0, 611.1, 611.2, 611.3, 615.0], "SPXM", prev_close=None)
    events = [rule.check(state, market) for rule in build_rules({})]
    assert any(event and event.kind == "price_move" for event in events), events


def check_its_state_has_a_summary():
    state, _ = fed([611.0, 611.1], "SPXM", prev_close=None)
    summary = state.summary()
    assert summary["price"] == 611.1
    assert summary.get("day_pct") is None


def check_moves_of_the_day_are_told():
    rules = {rule.kind: rule for rule in build_rules({})}
    state, market = fed([100.5])
    assert rules["day_move"].check(state, market) is None
    market.update(Spot("SPX", 101.2, 1010.0, 100.0))
    assert rules["day_move"].check(state, market).value == 1.2
    assert state.summary()["day_pct"] == 1.2


def check_a_high_vix_is_critical():
    state, market = fed([29, 29.5, 30, 30.5, 31], "VIX", "volatility")
    assert VixSpikeRule(4.0).check(state, market).severity == "critical"
