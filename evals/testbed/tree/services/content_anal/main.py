#!/usr/bin/env python3
"""content_anal: insights out of enriched articles."""

import asyncio
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from services.content_anal.intel.orchestrator import run
from shared.heartbeat import start_heartbeat
from shared.logutil import LogUtil
from shared.setup_base import SetupBase, log_config

SERVICE_NAME = "content_anal"


async def warm_up(config, logger):
    """Larger nodes load a lexicon first; CONTENT_WARMUP_SEC says how long that takes here."""
    seconds = float(config.get("CONTENT_WARMUP_SEC", 0))
    if seconds > 0:
        logger.info("loading the lexicon, the heartbeat starts after it", emoji="📖")
        await asyncio.sleep(seconds)


async def main():
    logger = LogUtil(SERVICE_NAME)
    logger.info("starting", emoji="🚀")
    config = await SetupBase(SERVICE_NAME, logger).load()
    logger.configure_from_config(config)
    log_config(config, logger)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)

    await warm_up(config, logger)
    heartbeat = start_heartbeat(config, logger)
    try:
        await run(config, logger, stop)
    finally:
        heartbeat.set()
        logger.info("shutdown complete", emoji="🛑")


if __name__ == "__main__":
    asyncio.run(main())
