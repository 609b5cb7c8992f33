import asyncio
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from services.pulse.intel.orchestrator import run  # noqa: E402
from shared.heartbeat import start_heartbeat  # noqa: E402
from shared.logutil import LogUtil  # noqa: E402
from shared.setup_base import SetupBase  # noqa: E402

SERVICE_NAME = "pulse"


async def main():
    logger = LogUtil(SERVICE_NAME)
    config = await SetupBase(SERVICE_NAME, logger).load()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    beat = start_heartbeat(config, logger)
    try:
        await run(config, logger, stop)
    finally:
        beat.set()
        logger.info("stopped")


if __name__ == "__main__":
    asyncio.run(main())
