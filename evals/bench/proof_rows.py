"""Rows of the proof: a boot against the bare service, and the whole ladder for a small service."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from agent.case import Case, open_case
from agent.events import Climbed, Event
from agent.proof import prove
from agent.settings import Settings
from evals.bench.row import Row, median_s
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.testbed.cluster import Cluster
from evals.testbed.faults import DEMO, FAULTS
from evals.testbed.repository import make_repository
from sandbox.patch import from_edits
from tools.incident import IncidentFolder

FAULT = FAULTS[DEMO]
ROUNDS = 3


def proof_rows(folder: Path) -> Iterator[Row]:
    """Rows that need a sandbox and servers. `folder` is for what they make."""
    repo = make_repository(folder / "proof-marketswarm").path
    healthy = bare_boot_s(folder, repo)
    commit = FAULT.apply(repo)
    case = _case(folder, repo, commit)
    replay = case.bench.replay
    assert replay is not None and FAULT.fix is not None
    patch = from_edits(case.bench.gate, commit, FAULT.service, edits_of(FAULT.fix))
    boots = [
        beat for _ in range(ROUNDS) if (beat := replay.again(patch).report.first_heartbeat_s) is not None
    ]
    detail = f"bare {healthy:.2f} s"
    yield Row(
        "boot to the first heartbeat in the box",
        sorted(boots)[len(boots) // 2] / healthy,
        1.5,
        "x bare",
        detail,
    )
    yield Row("a start-up crash reproduced", median_s(lambda: replay.again(None), rounds=ROUNDS), 1.0, "s")
    yield _ladder_row(_case(folder, repo, commit))


def bare_boot_s(folder: Path, repo: Path) -> float:
    """Median seconds from the start of the healthy service to its heartbeat key, without any box."""
    with Cluster(folder / "proof-run", repo, env=FAULT.env) as cluster:
        cluster.start("massive")
        return median_s(lambda: _boot_once(cluster), rounds=ROUNDS)


def _boot_once(cluster: Cluster) -> None:
    key = f"{FAULT.service}:heartbeat"
    with Redis.from_url(cluster.urls["system-redis"]) as system:
        system.delete(key)
        argv = [sys.executable, f"services/{FAULT.service}/main.py"]
        env = {**cluster.environment(), "SERVICE_ID": FAULT.service}
        service = subprocess.Popen(
            argv, cwd=cluster.repo, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not system.exists(key):
            time.sleep(0.001)
        service.kill()
        service.wait()


def _case(folder: Path, repo: Path, commit: str) -> Case:
    incident = folder / "proof-incident"
    shutil.copytree(INCIDENTS / FAULT.id, incident, dirs_exist_ok=True)
    file = incident / "incident.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "commit": commit}))
    return open_case(
        IncidentFolder(incident), Settings(repo=repo, python=Path(sys.executable)), folder / "proof", _silent
    )


def _ladder_row(case: Case) -> Row:
    """The whole ladder, nothing cached, with the time of each rung beside it."""
    assert FAULT.fix is not None
    patch = from_edits(case.bench.gate, case.incident.commit, FAULT.service, edits_of(FAULT.fix))
    started = last = time.perf_counter()
    told: list[str] = []

    def climbed(event: Event) -> None:
        nonlocal last
        if isinstance(event, Climbed):
            now = time.perf_counter()
            told.append(f"{event.rung} {now - last:.1f}")
            last = now

    proof = prove(case, patch, 3, climbed)
    assert proof.proven, proof.why_not
    return Row("the whole proof ladder", time.perf_counter() - started, 10.0, "s", ", ".join(told))


def _silent(event: Event) -> None:
    """What is opened here is not measured."""
