"""Faults that no rule and no prompt was made with: what they score is told apart."""

from __future__ import annotations

import json

from agent.diagnosis import Category
from evals.testbed.cluster import Cluster
from evals.testbed.faults import triggers
from evals.testbed.faults.fault import CLOSED_MARKET, Fault, Trigger


def bus_command(bus: str, *words: str) -> Trigger:
    """Tell a Redis server something that makes it useless, then start the service again."""

    def trigger(cluster: Cluster, service: str) -> None:
        cluster.redis(bus).execute_command(*words)  # type: ignore[no-untyped-call]
        cluster.restart(service, wait=False)

    return trigger


def undated_article(cluster: Cluster, service: str) -> None:
    """A feed brings an article without a date on a theme that has others."""
    cluster.restart(service)
    for name, published in (("u01", "2026-03-02T19:00:00+00:00"), ("u02", None)):
        article = {
            "id": name, "feed": "macro", "weight": 1.0, "title": f"Rates {name}", "summary": "",
            "published": published, "enrichment": {"tags": ["rates"], "quality": 1.0, "mood": 0.1},
        }  # fmt: skip
        triggers.add_article(cluster, name, json.dumps(article))


UNSEEN = (
    Fault(
        id="mesh-missing-await",
        service="mesh",
        title="a coroutine is passed on without await",
        symptom="AttributeError: 'coroutine' object has no attribute 'items'",
        category=Category.ASYNCIO_TASK,
        accept=(Category.BAD_DATA,),
        culprit=("services/mesh/intel/orchestrator.py", "scan"),
        needs=(),
    ),
    Fault(
        id="massive-naive-time",
        service="massive",
        title="a time without a zone is taken from one with a zone",
        symptom="can't subtract offset-naive and offset-aware datetimes",
        category=Category.BAD_DATA,
        accept=(Category.ASYNCIO_TASK, Category.UNKNOWN),
        culprit=("services/massive/intel/stats_worker.py", "__init__"),
        needs=(),
    ),
    Fault(
        id="rss-feeds-comma",
        service="rss_agg",
        title="the service's own list of feeds ends with a comma and is no JSON",
        symptom="json.decoder.JSONDecodeError",
        category=Category.BAD_DATA,
        accept=(Category.UNKNOWN,),
        culprit=("services/rss_agg/feeds.json", ""),
        needs=(),
    ),
    Fault(
        id="content-undated",
        service="content_anal",
        title="the newest article is sought where one has no date",
        symptom="not supported between instances of",
        category=Category.BAD_DATA,
        accept=(Category.ASYNCIO_TASK,),
        culprit=("services/content_anal/intel/synthesizer.py", "headline"),
        needs=("rss_agg",),
        env={"CONTENT_INTERVAL_SEC": "0.5"},
        trigger=undated_article,
    ),
    Fault(
        id="journal-conflict-markers",
        service="journal",
        title="a merge was committed with its conflict in it",
        symptom="SyntaxError: invalid syntax",
        category=Category.IMPORT_MODULE,
        accept=(Category.UNKNOWN,),
        culprit=("services/journal/intel/marks.py", ""),
        needs=(),
    ),
    Fault(
        id="sse-hub-renamed",
        service="sse",
        title="a module was renamed, and the entry point still requires its old name",
        symptom="Error: Cannot find module './hub'",
        category=Category.IMPORT_MODULE,
        culprit=("services/sse/src/index.js", ""),
    ),
    Fault(
        id="vigil-decimal-comma",
        service="vigil",
        title="a number in Truth is written with a comma",
        symptom="ValueError: could not convert string to float: '0,45'",
        category=Category.TRUTH_LOAD,
        accept=(Category.BAD_DATA,),
        group="not_fixable",
        culprit=("truth/components/vigil.json", ""),
        action="write VIGIL_MOVE_PCT with a point in truth/, publish Truth",
        trigger=triggers.republish_truth,
    ),
    Fault(
        id="content-redis-password",
        service="content_anal",
        title="intel-redis asks for a password that the URL does not have",
        symptom="redis.exceptions.AuthenticationError",
        category=Category.REDIS_CONNECTION,
        group="not_fixable",
        action="take the password of intel-redis away, or write it into its URL in Truth",
        needs=("rss_agg",),
        trigger=bus_command("intel-redis", "CONFIG", "SET", "requirepass", "FAKE-pass-not-real"),
    ),
    Fault(
        id="massive-redis-full",
        service="massive",
        title="market-redis is at its maxmemory and takes nothing more",
        symptom="command not allowed when used memory > 'maxmemory'",
        category=Category.RESOURCE,
        accept=(Category.REDIS_CONNECTION,),
        group="not_fixable",
        action="make room in market-redis (6380) or raise its maxmemory",
        needs=(),
        trigger=bus_command("market-redis", "CONFIG", "SET", "maxmemory", "1"),
    ),
    Fault(
        id="copilot-redis-replica",
        service="copilot",
        title="market-redis was made a replica and takes no writes",
        symptom="You can't write against a read only replica",
        category=Category.REDIS_CONNECTION,
        group="not_fixable",
        action="REPLICAOF NO ONE on market-redis (6380)",
        effect="stale",
        env=CLOSED_MARKET,
        trigger=bus_command("market-redis", "REPLICAOF", "127.0.0.1", "1"),
    ),
)
