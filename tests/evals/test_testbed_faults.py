"""Every fault does what it says on a service that really runs, and its reference fix ends it."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from agent.diagnosis import Category
from evals.testbed.cluster import Cluster
from evals.testbed.faults import DEMO, FAULTS, Fault
from evals.testbed.repository import make_repository
from sandbox.node import find_node


def cases() -> list[object]:
    """Every fault, as a slow case unless it is the demo's."""
    found = []
    for fault in FAULTS.values():
        marks = [] if fault.id == DEMO else [pytest.mark.slow]
        missing = [name for name in fault.packages if find_spec(name.split(".")[0]) is None]
        if missing or (fault.service == "sse" and find_node() is None):
            marks.append(pytest.mark.skip(reason=f"needs {', '.join(missing) or 'Node.js'}"))
        if "MS_MEMORY_KB" in fault.env and sys.platform != "linux":
            marks.append(pytest.mark.skip(reason="memory limits by ulimit -v are Linux's"))
        found.append(pytest.param(fault, id=fault.id, marks=marks))
    return found


@pytest.mark.parametrize("fault", cases())
def test_a_fault_bites_and_its_fix_ends_it(tmp_path: Path, fault: Fault) -> None:
    repo = make_repository(tmp_path / "repo")
    with Cluster(tmp_path / "run", repo.path, env=fault.env) as cluster:
        cluster.start(*fault.needs)
        fault.apply(repo.path)
        fault.strike(cluster)
        if fault.effect == "exit":
            assert (cluster.wait_exit(fault.service) == 0) == (fault.category is Category.OPERATOR_STOP)
        else:
            time.sleep(2.0)
            assert cluster.alive(fault.service)
            cluster.stop(fault.service)
        before = cluster.log(fault.service).read_text(encoding="utf-8")
        assert fault.symptom in before
        if fault.fix:
            fault.mend(repo.path)
            cluster.start(*[need for need in fault.needs if not cluster.alive(need)])
            fault.strike(cluster)
            time.sleep(2.0)
            assert cluster.alive(fault.service)
            assert fault.symptom not in cluster.log(fault.service).read_text(encoding="utf-8")[len(before) :]


def test_the_demo_s_log_is_the_same_twice(tmp_path: Path) -> None:
    """Recorded model answers are found by what the log says, apart from times, PIDs, ports and paths."""
    fault, logs = FAULTS[DEMO], []
    for name in ("one", "two"):
        repo = make_repository(tmp_path / name / "repo")
        with Cluster(tmp_path / name / "run", repo.path, env=fault.env) as cluster:
            cluster.start(*fault.needs, fault.service)
            fault.apply(repo.path)
            fault.strike(cluster)
            cluster.wait_exit(fault.service)
            text = cluster.log(fault.service).read_text().replace(str(repo.path), "REPO")
            for bus, url in cluster.urls.items():
                text = text.replace(url, bus)
            logs.append([line.split("]", 1)[-1].split(" at 20")[0] for line in text.splitlines()])
    assert logs[0] == logs[1]
