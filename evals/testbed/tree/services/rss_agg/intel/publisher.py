"""Articles out: key `rss:article:{id}`, stream `rss:articles`, counters `rss:stats`."""

import json
import time

from shared.redis_io import write_model

ARTICLE_KEY = "rss:article:{id}"
STREAM = "rss:articles"
STATS_KEY = "rss:stats"
STREAM_MAX = 1500
ARTICLE_TTL_SEC = 7 * 24 * 3600


class ArticlePublisher:
    def __init__(self, intel, logger):
        self.intel = intel
        self.logger = logger
        self.published = 0

    async def known(self, article_id):
        return bool(await self.intel.exists(ARTICLE_KEY.format(id=article_id)))

    async def publish(self, article):
        """Store an article, and append it to the stream that content_anal reads."""
        key = ARTICLE_KEY.format(id=article["id"])
        await self.intel.set(key, json.dumps(article), ex=ARTICLE_TTL_SEC)
        fields = {"id": article["id"], "feed": article["feed"], "category": article["category"]}
        await self.intel.xadd(STREAM, fields, maxlen=STREAM_MAX, approximate=True)
        self.published += 1

    async def write_stats(self, stats):
        await write_model(self.intel, STATS_KEY, {"ts": time.time(), "published": self.published, **stats})
