# ruff: noqa: N999
import asyncio

from harness import FakeRedis, config, logger
from services.copilot.intel.orchestrator import Copilot


async def check_changes_of_alerts_are_listened_to():
    copilot = Copilot(config(), logger("copilot"))
    copilot.market, copilot.system = FakeRedis(), FakeRedis(hgetall={})
    await copilot.start()
    await asyncio.sleep(0.3)
    failed = [task.exception() for task in copilot.tasks if task.done()]
    await copilot.close()
    assert not any(failed), failed
    assert "alerts:sync" in copilot.system.subscribed


def check_the_log_stays_quiet_without_alerts():
    import inspect

    assert "debug" in inspect.getsource(Copilot.reload_alerts)
