# ruff: noqa: N999
import json

from harness import FakeRedis, config, logger
from services.rss_agg.intel.feeds import load_feeds, parse_feed
from services.rss_agg.intel.fetcher import fetch
from services.rss_agg.intel.orchestrator import Pipeline


async def published():
    intel = FakeRedis(exists=0)
    pipeline = Pipeline(config(), logger("rss_agg"), intel)
    new = await pipeline.round()
    articles = [json.loads(raw) for key, raw in intel.called("set") if key.startswith("rss:article:")]
    return new, articles, intel


async def check_an_entry_without_a_date_is_published():
    entries = [
        item
        for feed in load_feeds("services/rss_agg/feeds.json")
        for item in parse_feed(await fetch(feed.url))
    ]
    new, articles, intel = await published()
    assert len(articles) == new == len(entries)
    assert any(not article["published"] for article in articles)
    assert len(intel.called("xadd")) == len(entries)


async def check_articles_are_kept_by_day():
    _, articles, intel = await published()
    dated = [article for article in articles if article["published"]]
    sets = {key for key, _ in intel.called("sadd")}
    assert all(article["day"] == article["published"][:10] for article in dated)
    assert all(f"rss:day:{article['day']}" in sets for article in dated)


async def check_the_stream_does_not_repeat_the_category():
    _, _, intel = await published()
    assert all(set(fields) == {"id", "feed"} for _, fields in intel.called("xadd"))
