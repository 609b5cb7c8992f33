# ruff: noqa: N999
from services.journal.intel.marks import mark_positions
from services.journal.intel.records import Trade


def position():
    trade = Trade(1, "u", "SPX", "s", "long", 1, 6100.0, 0.0)
    return mark_positions([trade], {"symbols": {"SPX": {"price": 6118.456}}})["positions"][0]


def check_marks_are_rounded():
    assert position()["mark"] == 6118.46
    assert position()["pnl"] == 1845.6


def check_marks_carry_their_currency():
    assert position()["currency"] == "USD"
