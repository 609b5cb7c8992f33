#!/usr/bin/env python3
"""journal: trade log, positions, journals, alerts and leaderboard over HTTP (port 3002)."""

import asyncio
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from services.journal.intel.orchestrator import JournalOrchestrator
from shared.heartbeat import start_heartbeat
from shared.logutil import LogUtil
from shared.setup_base import SetupBase, log_config

SERVICE_NAME = "journal"


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
    orchestrator = JournalOrchestrator(config, logger)
    try:
        await orchestrator.run(stop)
    except Exception as exc:
        logger.error(f"orchestrator internal error: {exc}")
        return 1
    finally:
        heartbeat.set()
        await orchestrator.close()
        logger.info("shutdown complete", emoji="🛑")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
