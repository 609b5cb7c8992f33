# ruff: noqa: N999
from harness import logger
from services.copilot.intel.alerts import Alert, AlertEngine
from services.copilot.intel.market import MarketView


def fired(*alerts):
    engine = AlertEngine(logger("copilot"))
    engine.replace_all(alerts)
    view = MarketView(spot={"symbols": {"SPX": {"price": 6118.5}}}, gex={"regime": "negative"})
    return {event["alert_id"] for event in engine.evaluate(view)}


def alert(name, **changes):
    return {"id": name, "type": "price", "symbol": "SPX", "condition": "above", "target": 6100.0, **changes}


def check_a_target_that_is_a_text_is_a_number():
    assert fired(alert("a", target="6100"), alert("b", target="7000")) == {"a"}


def check_the_others_are_evaluated_too():
    assert fired(alert("bad", target="6100"), alert("good")) >= {"good"}
    assert fired(alert("nonsense", target="soon"), alert("good")) >= {"good"}


def check_a_regime_is_a_text():
    assert fired(alert("r", type="gamma_regime", condition="is", target="negative")) == {"r"}


def check_notes_and_times_are_kept():
    made = Alert.from_dict(alert("a", note="n" * 300))
    assert len(made.note) == 200
    assert made.created > 0
