"""The proof ladder on recorded crashes of a Node service: it stands on the replay as Python's does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.case import Case, open_case
from agent.proof import prove
from agent.settings import Settings
from evals.cases import INCIDENTS
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from sandbox.node import find_node
from sandbox.patch import from_diff
from tools.incident import IncidentFolder

pytestmark = pytest.mark.skipif(
    find_node() is None or sys.platform != "linux", reason="needs node, and Linux"
)
SHOWN = ("in scope", "builds", "reproduced", "gone", "nothing broken", "needed")


def case_of(name: str, folder: Path) -> Case:
    repo = make_repository(folder / "marketswarm").path
    FAULTS[name].apply(repo)
    settings = Settings(repo=repo, python=Path(sys.executable))
    return open_case(IncidentFolder(INCIDENTS / name), settings, folder / "state", lambda event: None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sse-hub-renamed", "sse-first-day", "sse-warm-start"])
def test_the_reference_fix_is_proven_without_a_test_and_the_wrong_one_is_not(
    name: str, tmp_path: Path
) -> None:
    case, fault = case_of(name, tmp_path), FAULTS[name]
    assert fault.fix is not None and fault.wrong_fix is not None
    right, wrong = (
        prove(
            case, from_diff(case.bench.gate, case.incident.commit, "sse", diff.read_text()), 1, lambda _: None
        )
        for diff in (fault.fix, fault.wrong_fix)
    )
    assert {rung.name for rung in right.rungs if rung.state == "shown"} == set(SHOWN), right.why_not
    assert right.proven
    [gone] = [rung.detail for rung in right.rungs if rung.name == "gone"]
    assert gone.endswith("on which data is not told for Node.js")
    assert wrong.state("reproduced") == "shown"
    assert wrong.state("gone") == "failed"
    assert not wrong.proven
