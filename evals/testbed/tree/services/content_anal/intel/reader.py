"""Reads rss_agg's stream from where it left off, and the articles behind it."""

import json

STREAM = "rss:articles"
ARTICLE_KEY = "rss:article:{id}"
CURSOR_KEY = "content:cursor"
BATCH = 50


class ArticleReader:
    def __init__(self, intel, logger):
        self.intel = intel
        self.logger = logger
        self.cursor = "0-0"
        self.dropped = 0

    async def load_cursor(self):
        self.cursor = await self.intel.get(CURSOR_KEY) or "0-0"

    async def next_batch(self):
        """New articles, oldest first; the cursor moves past them."""
        answer = await self.intel.xread({STREAM: self.cursor}, count=BATCH)
        if not answer:
            return []
        _name, entries = answer[0]
        articles = [await self._load(fields) for _, fields in entries]
        self.cursor = entries[-1][0]
        await self.intel.set(CURSOR_KEY, self.cursor)
        return [article for article in articles if article is not None]

    async def _load(self, fields):
        """The article of a stream entry; None where it expired or cannot be read."""
        raw = await self.intel.get(ARTICLE_KEY.format(id=fields.get("id")))
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            self.dropped += 1
            return None
