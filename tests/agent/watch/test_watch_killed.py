"""kill -9 of the watch and of its heals at random moments: no incident is lost, none is healed twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SERVICES = ("massive", "vigil", "mesh", "copilot", "sse")
HEAL = """
import json, os, pathlib, sys, time
state, incident = pathlib.Path(sys.argv[1]), sys.argv[2]
run = state / "incidents" / incident / "runs" / "1"
run.mkdir(parents=True, exist_ok=True)
time.sleep(0.2)
# A reference made by compare-and-swap: the second one to come finds it there.
with (state / "branches.txt").open("a") as file:
    try:
        os.close(os.open(state / f"branch-{incident}", os.O_CREAT | os.O_EXCL))
        file.write(incident + "\\n")
    except FileExistsError:
        pass
time.sleep(0.2)
partial = run / ".result"
partial.write_text(json.dumps({"run": 1, "outcome": "branch"}))
partial.rename(run / "result.json")
"""


class Standing:
    """A watch as a process that is killed and started again."""

    def __init__(self, site, folder: Path) -> None:
        (site.state / "heal.py").write_text(HEAL)
        config = {
            "root": str(site.root), "state": str(site.state), "system_redis_url": site.system_url,
            "heal": [sys.executable, str(site.state / "heal.py"), str(site.state)], "services": [],
            "interval_s": 0.1, "cooldown_s": 0.0, "grace_s": 1.0, "pause_s": 0.1, "breaker": 1000, "concurrent": 3,
        }  # fmt: skip
        said = {"config": config, "again": [], "once": False, "alerts": False, "as_json": True}
        self._argv = [sys.executable, "-m", "agent.watch", json.dumps(said)]
        self._output = (folder / "watch.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self._argv, stdout=self._output, stderr=self._output)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self._output.close()
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(10) == 0


def tickets(state: Path) -> list[dict]:
    found = []
    for file in (state / "incidents").glob("[!.]*/watch.json"):
        with contextlib.suppress(FileNotFoundError):
            found.append(json.loads(file.read_text()))
    return found


def kill_a_heal(state: Path) -> None:
    running = [
        ticket["child"] for ticket in tickets(state) if ticket["state"] == "running" and ticket["child"]
    ]
    if running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(random.choice(running), signal.SIGKILL)


@pytest.mark.slow
def test_fifty_incidents_under_kill(site, tmp_path):
    standing, random_kill = Standing(site, tmp_path), random.Random(7)
    standing.start()
    time.sleep(1)
    for round_number in range(10):
        for service in SERVICES:
            site.start(service, "crash_soon")
            time.sleep(random_kill.uniform(0.05, 0.3))
        ends = time.monotonic() + 60
        while len(tickets(site.state)) < 5 * (round_number + 1):
            assert time.monotonic() < ends, (round_number, tickets(site.state))
            time.sleep(random_kill.uniform(0.1, 1.5))
            if random_kill.random() < 0.4:
                kill_a_heal(site.state)
            if random_kill.random() < 0.4:
                standing.kill()
                time.sleep(random_kill.uniform(0, 0.3))
            if standing.process is None:
                standing.start()
    site.until(lambda: all(ticket["state"] in ("ended", "refused") for ticket in tickets(site.state)), 60)
    time.sleep(1.0)
    standing.close()
    ended = [ticket for ticket in tickets(site.state) if ticket["state"] == "ended"]
    branches = (site.state / "branches.txt").read_text().split()
    assert len(tickets(site.state)) == 50 == len(ended)
    assert len(branches) == len(set(branches)) == 50
    assert not list((site.state / "incidents").glob(".capture-*"))


@pytest.mark.slow
def test_a_heal_outlives_a_killed_watch_and_the_next_one_adopts_it(site, tmp_path):
    standing = Standing(site, tmp_path)
    (site.state / "heal.py").write_text(HEAL.replace("time.sleep(0.2)", "time.sleep(0.8)"))
    standing.start()
    site.start("vigil")
    time.sleep(1.5)
    site.processes["vigil"].kill()
    site.until(lambda: any(ticket["child"] for ticket in tickets(site.state)))
    standing.kill()
    standing.start()
    site.until(lambda: any(ticket["state"] == "ended" for ticket in tickets(site.state)))
    standing.close()
    assert tickets(site.state)[0]["attempts"] == 1
    assert (tmp_path / "watch.log").read_text().count('"heal_ended"') == 1


def test_sigterm_ends_the_watch_within_ten_seconds_also_when_redis_is_frozen(site, system, tmp_path):
    standing = Standing(site, tmp_path)
    standing.start()
    time.sleep(1.0)
    system.freeze()
    time.sleep(0.5)
    began = time.monotonic()
    standing.close()
    assert time.monotonic() - began < 10
