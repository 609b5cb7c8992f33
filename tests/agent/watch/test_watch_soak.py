"""Random restarts, freezes and losses of Redis for minutes: nobody is called dead who is not.

SOAK_S sets how long (120 s without it); SOAK_REPORT names a file for the result.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from evals.run.maker import maker

SERVICES = ("massive", "vigil", "mesh", "copilot", "sse")
DEFAULT_S = 120.0


@pytest.mark.slow
def test_no_false_alarm_while_redis_comes_and_goes(site, system):
    seconds = float(os.environ.get("SOAK_S", DEFAULT_S))
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    truth = system.client().get("truth")
    site.up(*SERVICES)
    done: dict[str, int] = {}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        what = chance.choice(("restart", "outage", "freeze", "flush", "calm"))
        done[what] = done.get(what, 0) + 1
        disturb(system, what, truth, chance)
        time.sleep(chance.uniform(0.2, 3.0))
    time.sleep(2.0)
    alarms = site.events("service_down", "crash_loop", "heartbeat_lost", "heal_started", "victim")
    report(seconds, seed, done, site)
    assert alarms == [], f"seed {seed}: {alarms}"
    assert site.events("redis_down"), "the outages were not noticed"
    site.processes["mesh"].kill()
    site.until(lambda: site.events("service_down") == [("service_down", "mesh")])


def disturb(system, what: str, truth: str, chance: random.Random) -> None:
    if what in ("restart", "outage"):
        system.stop()
        time.sleep(0.0 if what == "restart" else chance.uniform(0.2, 4.0))
        system.start()
        system.client().set("truth", truth)
    elif what == "freeze":
        system.freeze()
        time.sleep(chance.uniform(0.2, 4.0))
        system.thaw()
    elif what == "flush":
        system.client().flushall()
        system.client().set("truth", truth)


def report(seconds: float, seed: int, done: dict[str, int], site) -> None:
    """What was done and seen, as JSON, where a file was named for it."""
    name = os.environ.get("SOAK_REPORT")
    if not name:
        return
    seen: dict[str, int] = {}
    for event, _ in site.events():
        seen[event] = seen.get(event, 0) + 1
    made = maker("make soak", Path(__file__).parents[3])
    result = {
        "seconds": seconds, "seed": seed, "services": len(SERVICES), "disturbances": done, "signals": seen,
        "false_alarms": len(site.events("service_down", "crash_loop", "heartbeat_lost", "heal_started")),
        **asdict(made), "finished": time.strftime("%Y-%m-%d"),
    }  # fmt: skip
    Path(name).write_text(json.dumps(result, indent=1) + "\n")
