"""Faults of copilot."""

from __future__ import annotations

from evals.testbed.faults.fault import Edit, Fault, Step

ORCHESTRATOR = "services/copilot/intel/orchestrator.py"
REDIS_IO = "shared/redis_io.py"
VIGIL = "services/vigil/intel/orchestrator.py"

SHARED_RENAME = Fault(
    id="copilot-shared-rename",
    service="copilot",
    title="a function of shared/ was renamed, and copilot still imports the old name",
    symptom="ImportError: cannot import name 'messages' from 'shared.redis_io'",
    steps=(
        Step(
            "ernie",
            "shared: redis_io.messages is redis_io.listen now\n\n"
            "The old name read like a list. Callers moved; a channel that goes away is told.",
            (
                Edit(
                    REDIS_IO,
                    "async def messages(client, channel, stop, poll_sec=0.5):\n",
                    "async def listen(client, channel, stop, poll_sec=0.5):\n",
                ),
                Edit(
                    VIGIL,
                    "from shared.redis_io import connect, messages, read_model, write_model\n",
                    "from shared.redis_io import connect, listen, read_model, write_model\n",
                ),
                Edit(
                    VIGIL,
                    "in messages(self.market_redis, SPOT, stop):\n",
                    "in listen(self.market_redis, SPOT, stop):\n",
                ),
            ),
        ),
        Step(
            "dana",
            "copilot: quieter when there is nothing to load",
            (
                Edit(
                    ORCHESTRATOR,
                    '        self.logger.info(f"{len(self.engine.alerts)} alerts loaded", emoji="📋")\n',
                    "        say = self.logger.info if self.engine.alerts else self.logger.debug\n"
                    '        say(f"{len(self.engine.alerts)} alerts loaded", emoji="📋")\n',
                ),
            ),
        ),
    ),
    fix=(
        Edit(
            ORCHESTRATOR,
            "from shared.redis_io import connect, messages, publish, write_model\n",
            "from shared.redis_io import connect, listen, publish, write_model\n",
        ),
        Edit(ORCHESTRATOR, "in messages(self.system,", "in listen(self.system,"),
    ),
)

FAULTS = (SHARED_RENAME,)
