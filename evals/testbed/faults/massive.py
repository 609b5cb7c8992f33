"""Faults of massive."""

from __future__ import annotations

from evals.testbed.faults.fault import Edit, Fault, Step

ORCHESTRATOR = "services/massive/intel/orchestrator.py"
CHAIN = "services/massive/intel/chain_worker.py"

WORKER_DEAD = Fault(
    id="massive-worker-dead",
    service="massive",
    title="the chain worker died at its first load, and the process beats on",
    symptom="KeyError: 'expiry'",
    effect="stale",
    needs=(),
    steps=(
        Step(
            "li",
            "massive: plain tasks, workers restart themselves\n\n"
            "supervise() hid more than it helped: every worker has its own loop.",
            (
                Edit(
                    ORCHESTRATOR,
                    "        asyncio.create_task(supervise(worker, logger, stop), "
                    'name=f"massive-{worker.name}")\n        for worker in workers\n',
                    '        asyncio.create_task(worker.run(stop), name=f"massive-{worker.name}")\n'
                    "        for worker in workers\n",
                ),
                Edit(
                    ORCHESTRATOR,
                    "        await asyncio.gather(*tasks)\n    finally:\n"
                    "        for task in tasks:\n            task.cancel()\n"
                    "        await asyncio.gather(*tasks, return_exceptions=True)\n",
                    "        await stop.wait()\n    finally:\n"
                    "        for task in tasks:\n"
                    "            if not task.done():\n                task.cancel()\n",
                ),
                Edit(
                    ORCHESTRATOR,
                    '''

async def supervise(worker, logger, stop):
    """Run one worker; start it again after a failure, MAX_RESTARTS times at most."""
    restarts = 0
    while not stop.is_set():
        try:
            await worker.run(stop)
            return
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            restarts += 1
            logger.error(f"worker {worker.name} failed ({restarts}/{MAX_RESTARTS}): {exc!r}")
            if restarts >= MAX_RESTARTS:
                raise
            await pause(stop, RESTART_DELAY_SEC)
''',
                    "\n",
                ),
                Edit(ORCHESTRATOR, "RESTART_DELAY_SEC = 2\nMAX_RESTARTS = 5\n\n\n", "\n"),
                Edit(
                    ORCHESTRATOR,
                    "from services.massive.intel.spot_worker import SpotWorker, pause\n",
                    "from services.massive.intel.spot_worker import SpotWorker\n",
                ),
            ),
        ),
        Step(
            "dana",
            "massive: days to expiration in the chain\n\nThe heatmap wants to fade what expires later.",
            (
                Edit(
                    CHAIN,
                    '            "expiration": contracts[0]["expiration"],\n',
                    '            "expiration": contracts[0]["expiration"],\n'
                    '            "days_to_expiry": days_to_expiry(contracts[0]["expiry"]),\n',
                ),
                Edit(
                    CHAIN,
                    "class ChainWorker:\n",
                    "def days_to_expiry(expiration, today=None):\n"
                    '    """Calendar days, 0 on the day itself and after it."""\n'
                    "    return max(0, (date.fromisoformat(expiration) - (today or date.today())).days)\n\n\n"
                    "class ChainWorker:\n",
                ),
                Edit(CHAIN, "import time\n", "import time\nfrom datetime import date\n"),
            ),
        ),
    ),
    fix=(Edit(CHAIN, 'contracts[0]["expiry"]', 'contracts[0]["expiration"]'),),
)

FAULTS = (WORKER_DEAD,)
