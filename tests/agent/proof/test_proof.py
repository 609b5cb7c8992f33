"""The proof ladder on a crash that was really recorded, with a right fix and with wrong ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.case import Case, open_case
from agent.proof import LADDER, Proof, Rung, prove
from agent.settings import Settings
from evals.reference import edits_of
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from sandbox.patch import Edit, from_edits
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
SPOT = "services/vigil/intel/spot.py"
NEW_TEST = "services/vigil/tests/test_day_change.py"
CALL = """from services.vigil.intel.spot import Spot


def test_no_previous_close_is_no_day_change():
    assert Spot("SPX", 101.2, 1010.0, None).day_change_pct is None
"""
UNRELATED = """from services.vigil.intel.spot import Spot


def test_something_else_entirely():
    assert Spot("SPX", 101.2, 1010.0, None).day_change_pct is None
    raise AssertionError
"""


@pytest.fixture(scope="module")
def case(new_case: Callable[..., Case]) -> Case:
    return new_case()


def proof_of(case: Case, edits: Sequence[Edit], runs: int = 2) -> Proof:
    patch = from_edits(case.bench.gate, case.incident.commit, case.incident.service, edits)
    return prove(case, patch, runs, lambda event: None)


def fix() -> list[Edit]:
    assert FAULT.fix is not None
    return edits_of(FAULT.fix)


def states(proof: Proof) -> dict[str, str]:
    return {rung.name: rung.state for rung in proof.rungs}


def test_the_reference_fix_with_a_test_climbs_every_rung(case: Case) -> None:
    proof = proof_of(case, [*fix(), Edit(path=NEW_TEST, replace=CALL)])
    assert states(proof) == dict.fromkeys(LADDER, "shown"), proof.why_not
    assert proof.proven
    assert not any("drops behaviour" in label for label in proof.labels)


@pytest.mark.slow
def test_without_a_test_the_replay_alone_is_enough(case: Case) -> None:
    proof = proof_of(case, fix())
    assert proof.proven
    assert proof.state("gone") == "shown"


@pytest.mark.slow
def test_an_idle_hunk_is_told(case: Case) -> None:
    idle = Edit(
        path="services/vigil/intel/rules.py",
        search="class DayMoveRule:\n",
        replace="KEPT = 7\n\n\nclass DayMoveRule:\n",
    )
    proof = proof_of(case, [*fix(), idle])
    assert proof.proven
    assert proof.state("needed") == "not shown"
    assert any(
        label.startswith("look at: the proof holds without services/vigil/intel/rules.py:")
        for label in proof.labels
    )
    claim = f"{CALL}\n\ndef test_kept():\n    assert rules.KEPT == 7\n"
    claim = claim.replace("from services", "from services.vigil.intel import rules\nfrom services", 1)
    claimed = proof_of(case, [*fix(), idle, Edit(path=NEW_TEST, replace=claim)])
    assert claimed.state("regression test") == "shown"
    assert claimed.state("needed") == "not shown", "what the patch itself claims buys nothing"


@pytest.mark.slow
def test_of_too_many_hunks_none_is_told_as_needed(case: Case) -> None:
    edits = fix()
    for path in (
        "services/vigil/intel/rules.py",
        "services/vigil/intel/orchestrator.py",
        "services/vigil/main.py",
    ):
        text = case.bench.repository.read(path).decode()
        own = [edit for edit in edits if edit.path == path]
        mended = text
        for edit in own:
            mended = mended.replace(edit.search, edit.replace)
        edits = [edit for edit in edits if edit not in own]
        edits.append(Edit(path=path, search=text, replace=mended.replace("\n\n\n", "\n\n\nKEPT = 1\n\n\n")))
    proof = proof_of(case, edits)
    assert proof.state("gone") == "shown", proof.why_not
    assert proof.state("needed") == "not shown"
    assert any("runs of changed lines are too many to try each" in label for label in proof.labels)


def test_a_fix_of_half_the_fault_is_not_proven(case: Case) -> None:
    proof = proof_of(case, [edit for edit in fix() if edit.path == SPOT])
    assert not proof.proven
    assert proof.state("gone") == "failed"
    assert "rules.py" in proof.why_not, "the second error is named"
    assert proof.state("needed") == "not shown"


def test_silencing_the_crash_by_not_calling_the_culprit_is_not_gone(case: Case) -> None:
    drop = Edit(
        path="services/vigil/intel/rules.py",
        search='        DayMoveRule(float(config.get("VIGIL_DAY_STEP_PCT", 1.0))),\n',
        replace="",
    )
    proof = proof_of(case, [drop])
    assert not proof.proven


def test_what_does_not_build_is_not_run(case: Case) -> None:
    broken = Edit(
        path=SPOT, search="    def day_change_pct(self):\n", replace="    def day_change_pct(self:\n"
    )
    proof = proof_of(case, [broken])
    assert states(proof)["builds"] == "failed"
    assert "does not compile" in proof.why_not
    assert states(proof)["reproduced"] == "not shown"


def test_an_import_of_nothing_does_not_build(case: Case) -> None:
    proof = proof_of(
        case, [*fix(), Edit(path=NEW_TEST, replace="from services.vigil.intel.nowhere import x\n")]
    )
    assert proof.state("builds") == "failed"
    assert "services.vigil.intel.nowhere" in proof.why_not


@pytest.mark.slow
def test_a_new_test_that_passes_on_the_base_too_shows_nothing(case: Case) -> None:
    proof = proof_of(case, [*fix(), Edit(path=NEW_TEST, replace="def test_other():\n    assert 1 == 1\n")])
    rung = next(rung for rung in proof.rungs if rung.name == "regression test")
    assert NEW_TEST not in rung.detail


@pytest.mark.slow
def test_a_new_test_that_does_not_pass_with_the_patch_stops_it(case: Case) -> None:
    proof = proof_of(case, [*fix(), Edit(path=NEW_TEST, replace=UNRELATED)])
    assert proof.state("regression test") == "failed"
    assert NEW_TEST in proof.why_not
    assert not proof.proven


def test_a_lost_file_that_is_written_anew_is_labelled(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "marketswarm").path
    lost = FAULTS["vigil-module-lost"]
    commit = lost.apply(repo)
    folder = tmp_path / "incident"
    folder.mkdir()
    (folder / "incident.json").write_text(json.dumps({"id": "lost", "service": "vigil", "commit": commit}))
    (folder / "log.txt").write_text("")
    off = Settings(repo=repo, sandbox={"enabled": False})
    opened = open_case(IncidentFolder(folder), off, tmp_path / "state", lambda event: None)
    path = "services/vigil/intel/publisher.py"
    stub = proof_of(opened, [Edit(path=path, replace="class EventPublisher:\n    pass\n")])
    back = proof_of(opened, [Edit(path=path, restore=opened.bench.repository.last_commit_with(path))])
    assert any("written anew" in label for label in stub.labels)
    assert not any("written anew" in label for label in back.labels)


def test_what_drops_behaviour_is_never_proven() -> None:
    def proof(*labels: str) -> Proof:
        return Proof(tuple(Rung(name, "shown", "") for name in LADDER), labels)

    drops = "drops behaviour: import Feed"
    assert proof().proven
    assert proof("workaround: a broad except").proven
    assert not proof(drops).proven
    assert drops in proof(drops).why_not


def test_without_a_sandbox_nothing_runs_and_nothing_is_proven(case: Case) -> None:
    bare = replace(case, isolation=None)
    proof = proof_of(bare, fix())
    assert states(proof) == {**dict.fromkeys(LADDER, "not shown"), "in scope": "shown"}
    assert "no sandbox" in proof.why_not
    assert not proof.proven
