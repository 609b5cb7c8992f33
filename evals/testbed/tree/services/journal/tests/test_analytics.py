"""Numbers about trades."""

from services.journal.intel import analytics
from services.journal.intel.leaderboard import ranking
from services.journal.intel.records import Trade


def trade(number, entry, exit_price, risk=100.0, user="u", strategy="single"):
    return Trade(
        id=number,
        user=user,
        symbol="SPX",
        strategy=strategy,
        side="long",
        quantity=1,
        entry_price=entry,
        entry_time=1767225600.0,
        exit_price=exit_price,
        exit_time=None if exit_price is None else 1767225600.0 + number * 3600,
        planned_risk=risk,
    )


WON, LOST, OPEN = trade(1, 10.0, 12.0), trade(2, 10.0, 9.0), trade(3, 10.0, None)


def test_profit_counts_contracts_of_a_hundred():
    assert WON.pnl == 200.0
    assert LOST.pnl == -100.0
    assert OPEN.pnl is None


def test_win_rate_is_over_closed_trades():
    assert analytics.win_rate([WON, LOST, OPEN]) == 0.5
    assert analytics.win_rate([OPEN]) is None


def test_profit_factor_without_a_loss_is_unknown():
    assert analytics.profit_factor([WON]) is None
    assert analytics.profit_factor([WON, LOST]) == 2.0


def test_drawdown_is_from_a_peak():
    assert analytics.max_drawdown([WON, LOST]) == 100.0


def test_expectancy_is_in_units_of_risk():
    assert analytics.expectancy([WON, LOST]) == 0.5


def test_days_are_those_of_the_exchange():
    # Red since the move to UTC (see by_day): 22:00 UTC is still the same day in New York.
    late = trade(22, 10.0, 11.0)
    next_day = trade(26, 10.0, 11.0)
    assert list(analytics.by_day([late, next_day])) == ["2026-01-01"]


def test_leaderboard_ranks_discipline():
    trades = [trade(n, 10.0, 11.0, user="a") for n in range(1, 5)]
    trades += [trade(n, 10.0, 5.0, user="b") for n in range(5, 9)]
    assert [row["user"] for row in ranking(trades)] == ["a", "b"]
