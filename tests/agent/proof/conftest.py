"""One recorded crash with all that it left, and once more without what a replay would need."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from agent.case import Case, open_case
from agent.proof import Proof, prove
from agent.settings import Settings
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from sandbox.patch import Edit, Patch, from_edits
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
SPOT = "services/vigil/intel/spot.py"
NEW_TEST = "services/vigil/tests/test_day_change.py"
TITLE = '"""A spot price as vigil sees it."""\n'
CRASHES = "        return (self.price - self.prev_close)"


@pytest.fixture(scope="session")
def new_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Case]:
    """`new_case(*left_out)`: the crash on a repository of its own, without these files of its incident."""

    def opened(*left_out: str) -> Case:
        folder = tmp_path_factory.mktemp("case")
        repo = make_repository(folder / "marketswarm").path
        incident = folder / "incident"
        shutil.copytree(INCIDENTS / FAULT.id, incident, ignore=shutil.ignore_patterns(*left_out))
        recorded = json.loads((incident / "incident.json").read_text())
        (incident / "incident.json").write_text(json.dumps({**recorded, "commit": FAULT.apply(repo)}))
        settings = Settings(repo=repo, python=Path(sys.executable))
        return open_case(IncidentFolder(incident), settings, folder / "state", lambda event: None)

    return opened


@dataclass(frozen=True, slots=True)
class Unreplayed:
    """The crash where nothing but a test can speak for a patch or against it."""

    case: Case
    new_test: str = NEW_TEST

    def patch(self, test: str, *edits: Edit) -> Patch:
        """Edits of the service, and a new test; the code under test is `spot` in it."""
        source = f"from services.vigil.intel import spot\n\n\n{dedent(test).lstrip()}"
        brought = [*edits, Edit(path=self.new_test, replace=source)]
        return from_edits(
            self.case.bench.gate, self.case.incident.commit, self.case.incident.service, brought
        )

    def proof(self, test: str, *edits: Edit, runs: int = 1) -> Proof:
        return prove(self.case, self.patch(test, *edits), runs, lambda event: None)

    def reason(self, proof: Proof) -> str:
        """What is said of the new test."""
        return next(rung.detail for rung in proof.rungs if rung.name == "regression test")

    @property
    def fix(self) -> list[Edit]:
        """The reference fix."""
        assert FAULT.fix is not None
        return edits_of(FAULT.fix)

    def heads(self, code: str) -> Edit:
        """Code at the head of the culprit's module. It mends nothing."""
        return Edit(path=SPOT, search=TITLE, replace=f"{TITLE}\n{code}")

    def guards(self, condition: str) -> Edit:
        """Where this holds, the culprit returns None before it crashes."""
        guard = f"        if {condition}:\n            return None\n"
        return self.edit(CRASHES, guard + CRASHES)

    def edit(self, search: str, replace: str) -> Edit:
        """An edit of the culprit's file."""
        return Edit(path=SPOT, search=search, replace=replace)


@pytest.fixture(scope="session")
def unreplayed(new_case: Callable[..., Case]) -> Unreplayed:
    """The captured world is taken away: what is proven here is proven by a test alone."""
    return Unreplayed(new_case("redis.json", "messages.jsonl"))
