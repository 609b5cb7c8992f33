"""The test that comes with a lost task: it is red where nobody sees to the task, and green where somebody does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Service

FILE, OTHER = "services/vigil/intel/a.py", "services/vigil/intel/b.py"
RUN = "import asyncio, sys\nimport services.vigil.intel.a as a\nasyncio.run(a.main())\nsys.exit(1)"

TASKS = {
    "in a group": (
        "async def main():\n    async with asyncio.TaskGroup() as group:\n        asyncio.create_task(work())\n"
        "        group.create_task(other())\n        await asyncio.sleep(0.01)\n",
        "with pytest.raises(ExceptionGroup):",
    ),
    "in a list that is awaited": (
        "async def main():\n    asyncio.create_task(work(), name='work')\n    tasks = [asyncio.create_task(other())]\n"
        "    await asyncio.gather(*tasks)\n",
        "with pytest.raises(ValueError):",
    ),
    "with others": (
        "async def main():\n    unused = asyncio.create_task(work())\n    await asyncio.gather(other(), other())\n",
        "with pytest.raises(ValueError):",
    ),
    "by an end of its own": (
        "class Bus:\n    async def aclose(self):\n        pass\n\n\ndef connect():\n    return Bus()\n\n\n"
        "async def main(bus=None):\n    bus = bus or connect()\n    asyncio.ensure_future(work())\n    await other()\n    await bus.aclose()\n",
        "assert asyncio.all_tasks() == {asyncio.current_task()}",
    ),
    "in a list of its object": (
        "class Feed:\n    def __init__(self, bus):\n        self.bus, self.tasks = bus, []\n\n    async def poll(self):\n"
        "        raise ValueError('no price')\n\n    async def start(self):\n        await self.bus.ping()\n"
        "        asyncio.create_task(self.poll())\n        self.tasks.append(asyncio.create_task(self.bus.follow()))\n\n"
        "    async def close(self):\n        await asyncio.gather(*self.tasks)\n\n\nclass Bus:\n    async def ping(self):\n        pass\n\n"
        "    follow = ping\n\n\nasync def main():\n    feed = Feed(Bus())\n    await feed.start()\n    await asyncio.sleep(0.01)\n    await feed.close()\n",
        "assert any(isinstance(one, ValueError) for one in ended)",
    ),
    "by what runs its siblings": (
        "from services.vigil.intel.b import Echo, Level\n\n\nasync def supervise(worker, pause):\n    while True:\n"
        "        try:\n            await worker.run()\n        except Exception:\n            await asyncio.sleep(pause)\n\n\n"
        "async def main(pause=0.0):\n    tasks = [asyncio.create_task(supervise(one, pause)) for one in [Level(), Level()]]\n"
        "    asyncio.create_task(Echo().run())\n    await asyncio.wait(tasks, timeout=0.01)\n",
        "assert Echo.return_value in [one.args[0] for one in supervise.call_args_list]",
    ),
}


SLOW = [pytest.mark.slow]
"""All kinds but the first."""


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=SLOW[:n]) for n, kind in enumerate(TASKS)])
def test_a_task_that_was_lost_comes_with_a_test_of_how_it_is_seen_to(service: Service, kind: str) -> None:
    source, claim = TASKS[kind]
    work = "\n\nasync def work():\n    raise ValueError('no price, the feed was closed')\n\n\nasync def other():\n    await asyncio.sleep(0)\n\n\n"
    level = (
        "import asyncio\n\n\nclass Level:\n    async def run(self):\n        await asyncio.sleep(60)\n\n\n"
    )
    echo = "class Echo:\n    async def run(self):\n        raise ValueError('no price')\n"
    service.commit({FILE: f"import asyncio\n{work}{source}", OTHER: f"{level}{echo}"})
    candidate, tests = service.tests(RUN)
    assert claim in tests[0]
    before = service.pytest(tests[0])
    assert re.search(r"^E +(?:AssertionError|assert |Failed: DID NOT RAISE)", before, re.MULTILINE), before
    (service.path / FILE).write_text(candidate.files[FILE])
    assert "\n1 passed" in service.pytest(tests[0])
