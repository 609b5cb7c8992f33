# ruff: noqa: N999
import json

from harness import FakeRedis, logger
from services.vigil.intel.publisher import EventPublisher
from services.vigil.intel.rules import Event


def event(**changes):
    told = {
        "kind": "price_move",
        "symbol": "SPX",
        "severity": "info",
        "value": 1.0,
        "text": "x",
        "ts": 1.0,
        "price": 2.0,
    }
    return Event(**{**told, **changes})


async def check_an_event_goes_out_and_is_kept():
    market = FakeRedis()
    publisher = EventPublisher(market, logger("vigil"), 20.0)
    assert await publisher.offer(event())
    channel, raw = market.called("publish")[0]
    assert channel == "vigil:events"
    assert json.loads(raw)["kind"] == "price_move"
    assert market.called("lpush")[0][0] == "vigil:events:recent"
    assert market.called("ltrim")
    assert publisher.published == 1


async def check_the_same_event_waits():
    market = FakeRedis()
    publisher = EventPublisher(market, logger("vigil"), 20.0)
    await publisher.offer(event())
    assert not await publisher.offer(event())
    assert publisher.suppressed == 1
    assert await publisher.offer(event(symbol="NDX"))
    assert len(market.called("publish")) == 2
