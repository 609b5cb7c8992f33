# ruff: noqa: N999
import asyncio
import inspect

from harness import config, logger
from services.copilot.intel.adi import breadth_state, build_adi
from services.copilot.intel.market import MarketView
from services.copilot.intel.orchestrator import Copilot

SPOT = {"symbols": {"SPX": {"change_pct": 0.3, "price": 1.0}, "NDX": {"change_pct": -0.1, "price": 1.0},
                    "RUT": {"change_pct": 0.0, "price": 1.0}, "SPXM": {"price": 611.0}}}  # fmt: skip


def check_symbols_without_a_close_do_not_stop_the_count():
    state = breadth_state(MarketView(spot=SPOT))
    assert (state["up"], state["down"]) == (1, 1)
    assert state["unchanged"] in (1, 2)


def check_the_whole_state_can_be_built():
    build_adi(MarketView(spot=SPOT), None, 0)


async def check_a_loop_that_fails_is_not_hidden():
    copilot = Copilot(config(), logger("copilot"))

    async def step():
        raise TypeError("a bug")

    task = asyncio.create_task(copilot.loop("x", step, 0.01))
    done, _ = await asyncio.wait({task}, timeout=1)
    task.cancel()
    assert done, "the loop goes on as if nothing had happened"
    assert isinstance(task.exception(), TypeError)


def check_the_loops_are_one_group():
    assert "TaskGroup" in inspect.getsource(Copilot)
