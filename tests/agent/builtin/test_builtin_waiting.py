"""What waits for nothing, and what waits too long: each crash is run, what is offered is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Service

FILE = "services/vigil/intel/a.py"
RUN = "import asyncio, sys\nimport services.vigil.intel.a as a\nasyncio.run(a.main())\nsys.exit(1)"
WORK = "\n\nasync def work():\n    raise RuntimeError('the feed is closed')\n\n\nasync def other():\n    await asyncio.sleep(0)\n"


def offered(service: Service, main: str, run: str = RUN) -> list[str]:
    """The file with each candidate in it."""
    service.commit({FILE: f"import asyncio\n{WORK}\n\n{main}"})
    return [one.files[FILE] for one in service.offers(run)]


@pytest.mark.parametrize(
    ("main", "line"),
    [
        pytest.param(
            "async def main():\n    async with asyncio.TaskGroup() as group:\n        asyncio.create_task(work())\n"
            "        group.create_task(other())\n        await asyncio.sleep(0.01)\n",
            "        group.create_task(work())",
            id="a task group is open",
        ),
        pytest.param(
            "async def main():\n    asyncio.create_task(work(), name='work')\n    tasks = [asyncio.create_task(other())]\n"
            "    await asyncio.gather(*tasks)\n",
            "    tasks.append(asyncio.create_task(work(), name='work'))",
            id="a list of tasks is awaited",
        ),
        pytest.param(
            "async def main():\n    unused = asyncio.create_task(work())\n    await asyncio.gather(other(), other())\n",
            "    await asyncio.gather(other(), other(), work())",
            id="others are gathered",
        ),
        pytest.param(
            "async def main():\n    asyncio.ensure_future(work())\n    await other()\n    await close()\n\n\n"
            "async def close():\n    pass\n",
            "    await asyncio.gather(work_task, return_exceptions=True)",
            id="nobody looks at any: it ends before what it works with is closed",
        ),
    ],
)
def test_a_task_is_seen_to_in_the_manner_of_the_code_around(service: Service, main: str, line: str) -> None:
    (text,) = offered(service, main)
    assert line in text.splitlines()
    assert text.count("work()") == main.count("work()") + WORK.count("work()")


@pytest.mark.parametrize(
    "main",
    [
        pytest.param(
            "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(work())\n",
            id="a group awaits it",
        ),
        pytest.param(
            "async def main():\n    tasks = [asyncio.create_task(work())]\n    await other()\n    tasks.clear()\n"
            "    await other()\n",
            id="it is in a list",
        ),
    ],
)
def test_a_task_that_somebody_looks_at_is_left_alone(service: Service, main: str) -> None:
    assert offered(service, main) == []


def test_a_task_that_failed_at_its_work_is_not_hidden_in_a_list_that_drops_errors(service: Service) -> None:
    main = (
        "async def main():\n    tasks = [asyncio.create_task(other())]\n    asyncio.create_task(work())\n"
        "    await other()\n    await asyncio.gather(*tasks, return_exceptions=True)\n"
    )
    service.commit({FILE: f"import asyncio\n{WORK.replace('the feed is closed', 'no price')}\n\n{main}"})
    assert service.offers(RUN) == []


LATE = "async def main():\n    await asyncio.wait_for(asyncio.sleep(1), 0.01)\n"


@pytest.mark.parametrize(
    ("head", "line", "mended"),
    [
        ("import requests\n", "row = requests.get(url, timeout=5).json()", "row = (await asyncio.to_thread(requests.get, url, timeout=5)).json()"),
        ("from time import sleep\n", "sleep(2)", "await asyncio.sleep(2)"),
        ("import urllib.request\n", "urllib.request.urlopen(url)", "await asyncio.to_thread(urllib.request.urlopen, url)"),
        ("import subprocess as sp\n", "sp.run(['true'])", "await asyncio.to_thread(sp.run, ['true'])"),
    ],
)  # fmt: skip
def test_blocking_calls_are_looked_for_where_something_was_too_late(
    service: Service, head: str, line: str, mended: str
) -> None:
    source = f"\n\nasync def fetch(url):\n    {line}\n"
    service.commit({FILE: f"import asyncio\n\n\n{LATE}", "services/vigil/intel/b.py": head + source})
    (offer,) = service.offers(RUN)
    assert f"    {mended}" in offer.files["services/vigil/intel/b.py"].splitlines()
    assert "import asyncio" in offer.files["services/vigil/intel/b.py"].splitlines()


def test_what_asyncio_itself_calls_slow_comes_first(service: Service) -> None:
    slow = "import asyncio\nimport time\n\n\nasync def {name}():\n    time.sleep(0.2)\n"
    files = {f"services/vigil/intel/{name}.py": slow.format(name=name) for name in ("first", "second")}
    main = "import asyncio\n\nfrom services.vigil.intel.second import second\n\n\nasync def main():\n    await asyncio.create_task(second())\n    await asyncio.wait_for(asyncio.sleep(1), 0.01)\n"
    service.commit({FILE: main, **files})
    offers = service.offers(RUN.replace("a.main()", "a.main(), debug=True"))
    assert [list(one.files) for one in offers] == [
        [f"services/vigil/intel/{name}.py"] for name in ("second", "first")
    ]


@pytest.mark.parametrize(
    "body",
    [
        "    while True:\n        try:\n            await asyncio.sleep(1)\n        except Exception:\n            pass\n",
        "    while True:\n        try:\n            await asyncio.sleep(1)\n        except asyncio.CancelledError:\n            break\n",
        "    try:\n        await asyncio.sleep(1)\n    except BaseException:\n        pass\n",
        "    for task in tasks:\n        task.cancel()\n        try:\n            await task\n"
        "        except asyncio.CancelledError:\n            pass\n",
    ],
    ids=["it takes no cancellation", "it leaves the loop", "no loop", "it is its own cancellation"],
)
def test_a_handler_that_lets_its_task_end_is_left_alone(service: Service, body: str) -> None:
    service.commit({FILE: f"import asyncio\n\n\nasync def loop(tasks=()):\n{body}\n\n{LATE}"})
    assert service.offers(RUN) == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        pytest.param(
            "class A:\n    async def start(self):\n        self.row = load()\n\n    async def work(self):\n"
            "        return self.row['n']\n\n\nasync def load():\n    return {'n': 1}\n\n\n"
            "async def main():\n    a = A()\n    await a.start()\n    print(await a.work())\n",
            "        self.row = await load()",
            id="by an attribute",
        ),
        pytest.param(
            "async def load(n):\n    return n\n\n\ndef total(rows):\n    return sum(rows)\n\n\n"
            "async def main():\n    print(total([load(n) for n in (1, 2)]))\n",
            "    print(total([await load(n) for n in (1, 2)]))",
            id="in a list",
        ),
    ],
)
def test_a_coroutine_is_awaited_where_it_was_made(service: Service, source: str, line: str) -> None:
    service.commit({FILE: f"import asyncio\n\n\n{source}"})
    run = RUN.removesuffix("\nsys.exit(1)")
    service.mended(run)
    assert line in (service.path / FILE).read_text().splitlines()


def test_a_coroutine_that_is_gathered_later_is_not_awaited_before(service: Service) -> None:
    source = (
        "async def load(n):\n    return n\n\n\nasync def main():\n    loads = [load(1)]\n    more = []\n    more.append(load(2))\n"
        "    await asyncio.gather(*loads, *more)\n    print(row() + 1)\n\n\ndef row():\n    return other()\n\n\nasync def other():\n    return 1\n"
    )
    service.commit({FILE: f"import asyncio\n\n\n{source}"})
    assert [one.why for one in service.offers(RUN) if "load" in one.why] == []
