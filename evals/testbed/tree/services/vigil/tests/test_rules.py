"""The rules, on hand-made prices."""

from services.vigil.intel.rules import (
    LevelCrossRule,
    PriceMoveRule,
    RangeRule,
    VixSpikeRule,
    build_rules,
    severity_of,
)
from services.vigil.intel.spot import Spot
from services.vigil.intel.state import MarketState


def feed(prices, symbol="SPX", kind="index", prev_close=100.0, gex=None):
    """A market that saw these prices, one a second; the symbol's state and the market."""
    market = MarketState(window_sec=60)
    market.gex = gex
    state = None
    for second, price in enumerate(prices):
        state = market.update(Spot(symbol, price, 1000.0 + second, prev_close, kind))
    return state, market


def test_a_small_move_is_no_event():
    state, market = feed([100, 100.05, 100.1, 100.05, 100.1])
    assert PriceMoveRule(0.35).check(state, market) is None


def test_a_large_move_is_an_event_with_its_direction():
    state, market = feed([100, 99.9, 99.7, 99.6, 99.5])
    event = PriceMoveRule(0.35).check(state, market)
    assert event.kind == "price_move"
    assert event.value == -0.5
    assert "down 0.50%" in event.text


def test_nothing_is_said_before_there_are_enough_samples():
    state, market = feed([100, 90])
    assert PriceMoveRule(0.35).check(state, market) is None


def test_vix_spikes_upwards_only():
    up, market = feed([15, 15.2, 15.5, 15.8, 16.0], symbol="VIX", kind="volatility")
    assert VixSpikeRule(4.0).check(up, market).symbol == "VIX"
    down, market = feed([16, 15.8, 15.5, 15.2, 15.0], symbol="VIX", kind="volatility")
    assert VixSpikeRule(4.0).check(down, market) is None


def test_crossing_the_call_wall_is_told_once_it_is_crossed():
    gex = {"symbols": {"SPX": {"call_wall": 100.5, "put_wall": 95.0, "zero_gamma": None}}}
    state, market = feed([100.2, 100.6], gex=gex)
    event = LevelCrossRule().check(state, market)
    assert event.kind == "level_cross.call_wall"
    assert "above call wall" in event.text


def test_no_levels_no_crossing():
    state, market = feed([100.2, 100.6], gex=None)
    assert LevelCrossRule().check(state, market) is None


def test_a_wide_range_counts_although_it_came_back():
    state, market = feed([100, 100.5, 101, 100.5, 100])
    assert RangeRule(0.7).check(state, market).kind == "wide_range"


def test_severity_grows_with_the_multiple_of_the_threshold():
    assert [severity_of(value, 1.0) for value in (0.5, 1.0, -2.0, 3.5)] == [
        "info",
        "notice",
        "warning",
        "critical",
    ]


def test_thresholds_come_from_the_configuration():
    rules = build_rules({"VIGIL_MOVE_PCT": "0.5", "VIGIL_VIX_SPIKE_PCT": "6"})
    assert rules[0].threshold_pct == 0.5
    assert rules[1].threshold_pct == 6.0
