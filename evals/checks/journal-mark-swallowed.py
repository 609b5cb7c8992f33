# ruff: noqa: N999
from services.journal.intel.marks import mark_positions
from services.journal.intel.records import Trade

SPOT = {
    "symbols": {"SPXM": {"price": 611.0, "prev_close": None}, "SPX": {"price": 6118.456, "change_pct": 0.3}}
}


def trade(number, symbol, side="long"):
    return Trade(number, "u", symbol, "s", side, 1, 610.0, 0.0)


def marked(*trades):
    return {position["id"]: position for position in mark_positions(trades, SPOT)["positions"]}


def check_a_position_on_its_first_day_is_marked():
    position = marked(trade(1, "SPXM"), trade(2, "SPX"))[1]
    assert position["mark"] == 611.0
    assert position["pnl"] == 100.0
    assert position.get("day_pct") is None, "a change of the day is made up"


def check_the_day_of_the_others_is_as_their_owner_sees_it():
    found = marked(trade(1, "SPX"), trade(2, "SPX", "short"), trade(3, "SPXM"))
    assert (found[1]["day_pct"], found[2]["day_pct"]) == (0.3, -0.3)
    assert found[1]["mark"] == 6118.46


def check_what_massive_does_not_know_is_told():
    assert mark_positions([trade(1, "ZZZ")], SPOT)["unmarked"] == ["ZZZ"]
