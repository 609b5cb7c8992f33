"""rss_agg's pipeline: ingest, fetch, enrich, publish, again and again."""

import asyncio
import time

from services.rss_agg.intel.enricher import Enricher
from services.rss_agg.intel.feeds import FeedError, article_id, load_feeds, parse_feed
from services.rss_agg.intel.fetcher import fetch
from services.rss_agg.intel.publisher import ArticlePublisher
from shared.redis_io import connect
from shared.setup_base import bus_url


class Pipeline:
    def __init__(self, config, logger, intel):
        self.logger = logger
        self.feeds = load_feeds(config.get("RSS_FEEDS_FILE", "services/rss_agg/feeds.json"))
        self.enricher = Enricher(config, logger)
        self.publisher = ArticlePublisher(intel, logger)
        self.rounds = 0
        self.errors = {}

    async def round(self):
        """One pass over all feeds; how many articles were new. A feed that fails waits for the next pass."""
        new = 0
        for feed in self.feeds:
            try:
                new += await self.take(feed)
                self.errors.pop(feed.id, None)
            except FeedError as exc:
                if feed.id not in self.errors:
                    self.logger.error(f"feed {feed.id} failed: {exc}")
                self.errors[feed.id] = str(exc)
        self.rounds += 1
        await self.publisher.write_stats(self.stats())
        return new

    async def take(self, feed):
        """Publish what is new in one feed. Raises FeedError."""
        new = 0
        for item in parse_feed(await fetch(feed.url)):
            identity = article_id(feed, item)
            if await self.publisher.known(identity):
                continue
            enrichment = await self.enricher.enrich(item.title, item.summary)
            await self.publisher.publish(self.article(feed, item, identity, enrichment))
            new += 1
        return new

    @staticmethod
    def article(feed, item, identity, enrichment):
        return {
            "id": identity,
            "feed": feed.id,
            "category": feed.category,
            "weight": feed.weight,
            "title": item.title,
            "summary": item.summary,
            "link": item.link,
            "published": item.published,
            "ingested": time.time(),
            "enrichment": enrichment,
        }

    def stats(self):
        return {
            "rounds": self.rounds,
            "feeds": len(self.feeds),
            "failing": sorted(self.errors),
            "by_ai": self.enricher.by_ai,
            "by_words": self.enricher.by_words,
        }


async def run(config, logger, stop):
    """Run the pipeline until stopped."""
    intel = connect(bus_url(config, "intel-redis"))
    interval = float(config.get("RSS_POLL_INTERVAL_SEC", 3))
    try:
        await intel.ping()
        logger.ok("intel-redis connected")
        pipeline = Pipeline(config, logger, intel)
        logger.info(f"{len(pipeline.feeds)} feeds every {interval:g}s", emoji="📰")
        while not stop.is_set():
            new = await pipeline.round()
            if new:
                logger.info(f"{new} new articles", emoji="🗞️")
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except asyncio.TimeoutError:
                continue
    finally:
        await intel.aclose()
