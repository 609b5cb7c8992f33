"""healer's loop: collect, judge, tell."""

import asyncio
import time

from services.healer.intel.collector import collect, components
from services.healer.intel.detector import Detector
from services.healer.intel.notifier import Notifier
from shared.redis_io import connect, read_model, write_model
from shared.setup_base import bus_url

STATUS_KEY = "healer:status"


async def run(config, logger, stop):
    """Watch until stopped."""
    system = connect(bus_url(config, "system-redis"))
    interval = float(config.get("HEALER_SCAN_INTERVAL_SEC", 3))
    detector = Detector()
    notifier = Notifier(config, logger, system)
    try:
        expected = components(await read_model(system, "truth"))
        logger.info(f"watching {len(expected)} services every {interval:g}s", emoji="🩺")
        while not stop.is_set():
            try:
                await scan_once(system, expected, detector, notifier)
            except OSError as exc:
                logger.error(f"scan failed: {exc}")
            try:
                await asyncio.wait_for(stop.wait(), interval)
            except asyncio.TimeoutError:
                continue
    finally:
        await system.aclose()


async def scan_once(system, expected, detector, notifier):
    """One round over all heartbeats."""
    beats = await collect(system, expected)
    for service, before, after in detector.update(beats):
        await notifier.tell(service, before, after)
    await write_model(system, STATUS_KEY, status(detector, beats), ttl_sec=120)


def status(detector, beats):
    """`healer:status`."""
    ages = {beat.service: beat.age_sec for beat in beats}
    services = {
        name: {
            "state": state.state,
            "since": state.since,
            "downs": state.downs,
            "age_sec": None if ages.get(name) is None else round(ages[name], 1),
        }
        for name, state in sorted(detector.states.items())
    }
    return {"ts": time.time(), "score": detector.score(), "services": services}
