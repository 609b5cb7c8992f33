"""The windows of prices."""

from services.vigil.intel.spot import Spot, parse_spot
from services.vigil.intel.state import MarketState, SymbolState


def test_old_samples_leave_the_window():
    state = SymbolState("SPX", window_sec=10)
    for second in range(20):
        state.update(Spot("SPX", 100.0 + second, float(second)))
    assert state.samples[0][0] == 9.0
    assert state.high == 119.0


def test_the_move_is_taken_over_the_window():
    state = SymbolState("SPX", window_sec=60)
    for second, price in enumerate([100, 101, 102, 103, 104]):
        state.update(Spot("SPX", float(price), float(second)))
    assert state.move_pct() == 4.0


def test_symbols_are_made_when_they_are_first_seen():
    market = MarketState(60)
    market.update(Spot("SPX", 100.0, 1.0))
    market.update(Spot("NDX", 200.0, 1.0))
    assert sorted(market.summary()) == ["NDX", "SPX"]


def test_levels_that_are_missing_are_left_out():
    market = MarketState(60)
    market.gex = {"symbols": {"SPX": {"call_wall": 6150.0, "zero_gamma": None}}}
    assert market.levels("SPX") == {"call_wall": 6150.0}
    assert market.levels("NDX") == {}


def test_what_is_no_price_is_no_spot():
    assert parse_spot("SPX") is None
    assert parse_spot({"symbol": "SPX"}) is None
    assert parse_spot({"symbol": "SPX", "price": 0}) is None
    assert parse_spot({"symbol": "SPX", "price": "6118"}) is None


def test_a_spot_may_lack_its_previous_close():
    spot = parse_spot({"symbol": "SPXM", "price": 611.85, "prev_close": None, "type": "index"})
    assert spot.prev_close is None
