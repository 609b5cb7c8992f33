"""A plain run: what pytest and node make of the tests where nothing of ours is about them.

It is not checked: whom it serves to lie is who has to lose by it.
"""

from __future__ import annotations

import time
from typing import Any

from . import evidence, node_plain
from .elsewhere import surroundings
from .process import ORDERS, Worker


def run(plan: dict[str, Any], worker: Worker, deadline: float) -> dict[str, Any]:
    """Have a worker run pytest, if the plan has files for it, and node the others; what became of them.

    deadline    a time of the clock that only goes on
    """
    events: list[dict[str, Any]] = []
    problem = None
    if plan["files"]:
        worker.order({key: plan[key] for key in ORDERS})
        end = worker.listen(events, deadline, float(plan["test_s"]))
        problem = None if any(event.get("e") == "end" for event in events) else f"crash: {end}"
    worker.kill()
    env = surroundings(plan["root"]) if plan["node_files"] else {}
    for path in plan["node_files"]:
        patience = min(deadline - time.monotonic(), float(plan["test_s"]))
        events += node_plain.run_file(plan, path, env, patience)
    planned = evidence.Planned([], {}, frozenset(), frozenset())
    return {"outcomes": evidence.judge(planned, events).outcomes, "problem": problem}
