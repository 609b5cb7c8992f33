# ruff: noqa: N999
import json
from types import SimpleNamespace

from harness import logger
from services.copilot.intel.alerts import AlertEngine
from services.copilot.intel.api import CopilotApi
from services.copilot.intel.market import MarketView


def served():
    engine = AlertEngine(logger("copilot"))
    engine.replace_all(
        [{"id": "a7", "type": "price", "symbol": "SPX", "condition": "above", "target": 6100.0}]
    )
    engine.evaluate(MarketView(spot={"symbols": {"SPX": {"price": 6118.5}}}))
    api = CopilotApi(
        SimpleNamespace(engine=engine, commentator=SimpleNamespace(recent=[])), logger("copilot")
    )
    return api, {(method, regex.pattern): handler for method, regex, handler in api.server._routes}


async def check_alerts_that_fired_can_be_asked_for():
    _, routes = served()
    assert "a7" in json.dumps(await routes["GET", "^/api/alerts/history$"](None))


async def check_the_other_routes_are_there():
    api, routes = served()
    assert {"^/health$", "^/api/mel$", "^/api/alerts$", "^/api/commentary$"} <= {path for _, path in routes}
    assert (await api.health(None))["fired"] == 1
