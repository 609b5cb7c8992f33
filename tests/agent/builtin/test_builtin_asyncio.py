"""What goes wrong between coroutines: each fault is a real service, booted, healed by rules and proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Pulse

LEVELS, MAIN = "intel/levels.py", "intel/orchestrator.py"
READ = "        levels = await self.read()\n"
DOCUMENT = 'json.dumps({"levels": len(levels), "widest": widest(levels)})'
HELD = {"massive:levels": '{"a": 1, "b": 3}'}
SPOTS = [{"symbol": "SPX", "price": 5012.5, "prev_close": 5000.0}]


def mended(pulse: Pulse, symptom: str, *lines: str, **world: object) -> str:
    """The diff of the branch: the log shows the symptom, and these lines are added."""
    healed = pulse.healed(**world)
    assert symptom in healed.log, healed.log
    assert healed.result.outcome == "branch", healed.told
    added = [line[1:].strip() for line in healed.diff.splitlines() if line.startswith("+")]
    assert [line for line in lines if line not in added] == [], healed.diff
    return healed.diff


@pytest.mark.slow
def test_a_coroutine_that_failed_in_another_file_is_awaited_where_it_was_made(pulse: Pulse) -> None:
    pulse.commit(
        (
            "intel/state.py",
            "",
            "def document(levels, widest):\n    return {'levels': len(levels), 'widest': widest}\n",
        ),
        (LEVELS, READ, READ.replace("await ", "")),
        (LEVELS, DOCUMENT, "json.dumps(document(levels, 0))"),
        (LEVELS, "import json\n", "import json\n\nfrom services.pulse.intel.state import document\n"),
    )
    mended(pulse, "object of type 'coroutine' has no len()", "levels = await self.read()", values=HELD)


@pytest.mark.slow
def test_a_plain_function_in_between_becomes_a_coroutine_function(pulse: Pulse) -> None:
    between = "    def document(self):\n        levels = self.read()\n        return {'levels': levels, 'widest': 0}\n\n"
    pulse.commit(
        (LEVELS, "    async def step(self):\n", between + "    async def step(self):\n"),
        (LEVELS, READ, ""),
        (LEVELS, DOCUMENT, "json.dumps(self.document())"),
    )
    mended(
        pulse,
        "Object of type coroutine is not JSON serializable",
        "async def document(self):",
        "levels = await self.read()",
        'await self.market.set("pulse:state", json.dumps(await self.document()))',
        values=HELD,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("caught", "line"),
    [("BaseException", "except asyncio.CancelledError:"), ("asyncio.CancelledError", "raise")],
)
def test_a_cancellation_that_a_loop_swallowed_is_raised_again(pulse: Pulse, caught: str, line: str) -> None:
    pulse.commit(
        (
            LEVELS,
            "            await self.step()\n            await asyncio.sleep(self.interval)\n",
            "            try:\n                await self.step()\n                await asyncio.sleep(self.interval)\n"
            f"            except {caught} as error:\n"
            '                self.logger.warn(f"levels again after {error!r}")\n',
        ),
        (
            MAIN,
            "    for task in done:\n",
            "    _, left = await asyncio.wait(tasks, timeout=0.5)\n    if left:\n"
            '        logger.error(f"{len(left)} tasks did not end")\n    for task in done:\n',
        ),
    )
    mended(pulse, "1 tasks did not end", line, "assert done", values=HELD)


@pytest.mark.slow
def test_a_task_that_was_cancelled_and_awaited_ends_no_shutdown(pulse: Pulse) -> None:
    # It is cancelled where it pauses, on base and patch: next to nothing of its time is a step.
    step = "            await self.step()\n            await asyncio.sleep(self.interval)\n"
    pulse.commit(
        (
            LEVELS,
            step,
            step.replace("self.interval", "60")
            + "\n    async def close(self, task):\n        task.cancel()\n        await task\n",
        ),
        (MAIN, "    server.close()\n", "    server.close()\n    await workers[1].close(tasks[1])\n"),
    )
    mended(pulse, "CancelledError", "except asyncio.CancelledError:", values=HELD)


WATCH = (
    "async def watch(logger):\n    while True:\n        begun = time.monotonic()\n        await asyncio.sleep(0.05)\n"
    "        if time.monotonic() - begun > 0.4:\n"
    '            logger.error(f"event loop was blocked for {time.monotonic() - begun:.1f} s")\n\n\n'
)
WATCHED = (
    (MAIN, "import os\n", "import os\nimport time\n"),
    (MAIN, "async def run(", WATCH + "async def run("),
    (MAIN, "    done, _ =", "    tasks.append(asyncio.create_task(watch(logger)))\n    done, _ ="),
)


@pytest.mark.slow
def test_a_sleep_that_holds_up_the_loop_lets_others_run(pulse: Pulse) -> None:
    pause = "            await asyncio.sleep(self.interval)\n"
    pulse.commit(
        *WATCHED,
        (LEVELS, pause, pause.replace("interval", "interval * 4") + "            time.sleep(0.6)\n"),
        (LEVELS, "import json\n", "import json\nimport time\n"),
    )
    mended(pulse, "event loop was blocked", "await asyncio.sleep(0.6)", values=HELD)


@pytest.mark.slow
def test_a_request_that_holds_up_the_loop_is_made_in_a_thread(pulse: Pulse) -> None:
    pulse.commit(
        (LEVELS, READ, READ + "        self.look_up()\n"),
        (
            LEVELS,
            "    async def step(self):\n",
            "    def look_up(self):\n        subprocess.run(['sleep', '0.6'], check=True)\n\n    async def step(self):\n",
        ),
        (LEVELS, "import json\n", "import json\nimport subprocess\n"),
        *WATCHED,
    )
    asked = ("await asyncio.to_thread(self.look_up)", "assert len(ticks) > 4")
    mended(pulse, "event loop was blocked", *asked, values=HELD)


SUPERVISE = """\
async def supervise(worker, logger):
    while True:
        try:
            await worker.run()
        except RuntimeError as error:
            logger.warn(f"worker starts again: {error}")
            await asyncio.sleep(0.05)


"""
ECHO = """\
import asyncio


class Echo:
    def __init__(self, market):
        self.market, self.seen = market, 0

    def count(self):
        self.seen += 1
        if self.seen == 1:
            raise RuntimeError("echo is not ready yet")
        return self.seen

    async def run(self):
        while True:
            await self.market.set("pulse:echo", self.count())
            await asyncio.sleep(0.1)
"""


@pytest.mark.slow
def test_a_task_that_nobody_looks_at_is_supervised_as_its_siblings_are(pulse: Pulse) -> None:
    pulse.commit(
        (MAIN, "async def run(", SUPERVISE + "async def run("),
        (
            MAIN,
            "create_task(worker.run(), name=type(worker).__name__)",
            "create_task(supervise(worker, logger))",
        ),
    )
    pulse.commit(
        (
            "intel/echo.py",
            "",
            ECHO,
        ),
        (
            MAIN,
            "from services.pulse.intel.levels",
            "from services.pulse.intel.echo import Echo\nfrom services.pulse.intel.levels",
        ),
        (MAIN, "    stopped =", "    asyncio.create_task(Echo(market).run())\n    stopped ="),
    )
    mended(
        pulse,
        "Task exception was never retrieved",
        "tasks.append(asyncio.create_task(supervise(Echo(market), logger)))",
        "assert Echo.return_value in [one.args[0] for one in supervise.call_args_list]",
        values=HELD,
    )


@pytest.mark.slow
def test_where_why_a_task_failed_is_known_that_is_mended(pulse: Pulse) -> None:
    pulse.commit(
        (
            MAIN,
            "    stopped =",
            "    asyncio.create_task(LevelsWorker(market, logger, 1).echo())\n    stopped =",
        ),
        (
            LEVELS,
            "    async def run(self):\n",
            "    async def echo(self):\n        levels = self.read()\n        await self.market.set('pulse:echo', len(levels))\n\n    async def run(self):\n",
        ),
    )
    diff = mended(pulse, "Task exception was never retrieved", "levels = await self.read()", values=HELD)
    assert MAIN not in diff


@pytest.mark.slow
def test_a_task_that_fails_each_time_is_not_called_mended_by_looking_at_it(pulse: Pulse) -> None:
    pulse.commit(
        ("intel/echo.py", "", ECHO.replace("self.seen == 1", "self.seen")),
        (
            MAIN,
            "from services.pulse.intel.levels",
            "from services.pulse.intel.echo import Echo\nfrom services.pulse.intel.levels",
        ),
        (MAIN, "    stopped =", "    asyncio.create_task(Echo(market).run())\n    stopped ="),
    )
    healed = pulse.healed(values=HELD)
    assert "Task exception was never retrieved" in healed.log
    assert (healed.result.outcome, healed.result.branch) == ("diagnosed", None), healed.told
    assert healed.result.diagnosis is not None
    assert any("it is one of tasks now" in one for one in healed.result.diagnosis.evidence)
