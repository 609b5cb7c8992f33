"""The canonical state."""

from services.copilot.intel.adi import as_csv, breadth_state, build_adi, trend, vix_regime
from services.copilot.intel.market import MarketView


def test_regimes_of_volatility():
    assert [vix_regime(level) for level in (12, 18, 25, 40, None)] == [
        "zombieland",
        "goldilocks_1",
        "goldilocks_2",
        "chaos",
        "unknown",
    ]


def test_trend_needs_a_change():
    assert [trend(change) for change in (None, 0.05, 0.4, -0.4)] == ["unknown", "flat", "up", "down"]


def test_symbols_without_a_previous_close_do_not_count():
    symbols = {"SPX": {"change_pct": 0.3}, "NDX": {"change_pct": -0.1}, "SPXM": {"price": 611.0}}
    assert breadth_state(MarketView(spot={"symbols": symbols})) == {"up": 1, "down": 1}


def test_an_empty_market_has_an_empty_state():
    adi = build_adi(MarketView(), None, 0)
    assert adi["price_state"]["price"] is None
    assert adi["gamma_state"]["distance_to_zero"] is None
    assert adi["structure_state"]["put_call_ratio"] is None


def test_csv_has_one_header_and_one_row():
    lines = as_csv(build_adi(MarketView(), {"overall": 50, "band": "medium"}, 2)).strip().splitlines()
    assert len(lines) == 2
    assert "mel_state.overall" in lines[0]
