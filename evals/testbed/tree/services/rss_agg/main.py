#!/usr/bin/env python3
"""rss_agg: feeds in, enriched articles out (intel-redis)."""

import asyncio
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from services.rss_agg.intel.orchestrator import run
from shared.heartbeat import start_heartbeat
from shared.logutil import LogUtil
from shared.setup_base import SetupBase, log_config

SERVICE_NAME = "rss_agg"


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

    heartbeat = start_heartbeat(config, logger)
    try:
        await run(config, logger, stop)
    finally:
        heartbeat.set()
        logger.info("shutdown complete", emoji="🛑")


if __name__ == "__main__":
    asyncio.run(main())
