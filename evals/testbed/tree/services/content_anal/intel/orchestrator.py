"""content_anal's loop: read, group, write insights."""

import asyncio
import time

from services.content_anal.intel.analyzer import Analyzer
from services.content_anal.intel.reader import ArticleReader
from services.content_anal.intel.synthesizer import Synthesizer
from shared.redis_io import connect, publish, write_model
from shared.setup_base import bus_url

LATEST_KEY = "content:insights:latest"
CHANNEL = "content:insights"


async def run(config, logger, stop):
    """Analyse until stopped."""
    intel = connect(bus_url(config, "intel-redis"))
    interval = float(config.get("CONTENT_INTERVAL_SEC", 3))
    reader = ArticleReader(intel, logger)
    analyzer = Analyzer()
    synthesizer = Synthesizer(config, logger)
    try:
        await intel.ping()
        logger.ok("intel-redis connected")
        await reader.load_cursor()
        logger.info(f"reading from {'the start' if reader.cursor == '0-0' else 'where we left off'}", emoji="📚")
        while not stop.is_set():
            await analyse_once(reader, analyzer, synthesizer, intel, logger)
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except asyncio.TimeoutError:
                continue
    finally:
        await intel.aclose()


async def analyse_once(reader, analyzer, synthesizer, intel, logger):
    """One round; how many insights were written (0 where nothing was new)."""
    articles = await reader.next_batch()
    if not articles:
        return 0
    analyzer.take(articles)
    if not analyzer.articles:
        return 0
    insights = await synthesizer.insights(analyzer.themes())
    await write_model(intel, LATEST_KEY, {"ts": time.time(), "insights": insights})
    await publish(intel, CHANNEL, {"ts": time.time(), "count": len(insights)})
    logger.info(f"{len(insights)} insights, strongest: {insights[0]['headline']}", emoji="💡")
    return len(insights)
