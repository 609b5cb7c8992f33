# ruff: noqa: N999
from datetime import date, timedelta

from harness import FakeRedis, config, logger
from services.massive.intel import chain_worker, orchestrator, provider


async def loaded(days):
    contracts = await provider.fetch_chain("SPX", 6118.5)
    then = (date.today() + timedelta(days=days)).isoformat()

    async def fetch(symbol, spot):
        return [{**contract, "expiration": then} for contract in contracts]

    chain_worker.fetch_chain = fetch
    chains = {}
    worker = chain_worker.ChainWorker(
        config(), logger("massive"), FakeRedis(), {"SPX": {"price": 6118.5}}, chains
    )
    await worker.load("SPX")
    return chains["SPX"]


async def check_the_chain_says_the_days_to_its_expiration():
    assert (await loaded(3))["days_to_expiry"] == 3
    assert (await loaded(0))["days_to_expiry"] == 0


async def check_nothing_else_of_the_chain_is_lost():
    chain = await loaded(3)
    assert len(chain["strikes"]) == 21
    assert chain["contracts"] == 42
    assert chain["spot"] == 6118.5


def check_supervise_stays_away():
    assert not hasattr(orchestrator, "supervise")
