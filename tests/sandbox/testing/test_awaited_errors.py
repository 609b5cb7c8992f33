"""Which calls of a test an error ended, where the error comes out of what a coroutine awaits."""

from __future__ import annotations

from typing import Any

import pytest

CODE = """\
import asyncio


async def read():
    await asyncio.sleep(0)
    raise RuntimeError("closed")


async def passes_it_on():
    await read()


async def takes_it():
    try:
        await read()
    except RuntimeError:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    return 1
"""
TEST = """\
import asyncio

from services.vigil.intel import feed


def test_feed():
    asyncio.run(feed.{name}())
"""


@pytest.mark.parametrize(("name", "ended"), [("passes_it_on", True), ("takes_it", False)])
def test_an_error_that_a_coroutine_awaited_ends_it_unless_it_is_taken(
    new_market: Any, name: str, ended: bool
) -> None:
    market = new_market({"services/vigil/intel/feed.py": CODE})
    run = market.run(("tests/test_feed.py", TEST.format(name=name)))
    calls = run.outcomes["services/vigil/tests/test_feed.py::test_feed"].calls
    assert calls
    assert any(call.endswith("!RuntimeError") for call in calls) is ended
