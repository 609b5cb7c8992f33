"""Alerts fire when their condition begins to hold."""

from services.copilot.intel.alert_store import apply_sync
from services.copilot.intel.alerts import AlertEngine
from services.copilot.intel.market import MarketView


class Logger:
    def __init__(self):
        self.lines = []

    def warn(self, message, emoji=None):
        self.lines.append(message)


def market(price=6118.5, regime="positive"):
    return MarketView(
        spot={"symbols": {"SPX": {"price": price, "prev_close": 6100.0, "change_pct": 0.3}}},
        gex={"symbols": {"SPX": {"call_wall": 6150}}, "regime": regime},
    )


def engine(*alerts):
    made = AlertEngine(Logger())
    made.replace_all(alerts)
    return made


def test_fires_once_while_the_condition_holds():
    made = engine({"id": 1, "type": "price", "condition": "above", "target": 6110})
    assert [event["alert_id"] for event in made.evaluate(market())] == ["1"]
    assert made.evaluate(market()) == []


def test_fires_again_after_it_stopped_holding():
    made = engine({"id": 1, "type": "price", "condition": "above", "target": 6110})
    made.evaluate(market())
    made.evaluate(market(price=6000))
    assert len(made.evaluate(market())) == 1


def test_a_symbol_without_data_is_waited_for():
    made = engine({"id": 1, "type": "price", "symbol": "ABC", "target": 1})
    assert made.evaluate(market()) == []


def test_gamma_regime_compares_by_name():
    made = engine({"id": "g", "type": "gamma_regime", "condition": "is", "target": "negative"})
    assert made.evaluate(market()) == []
    assert len(made.evaluate(market(regime="negative"))) == 1


def test_nonsense_is_told_and_left_out():
    made = engine({"id": 1, "type": "horoscope"}, {"type": "price"})
    assert made.alerts == {}
    assert len(made.logger.lines) == 2


def test_sync_messages():
    made = engine()
    assert apply_sync(made, {"action": "upsert", "alert": {"id": 7, "type": "vix", "target": 20}}) is False
    assert list(made.alerts) == ["7"]
    apply_sync(made, {"action": "delete", "id": 7})
    assert made.alerts == {}
    assert apply_sync(made, {"action": "reload"}) is True
