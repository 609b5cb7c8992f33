"""Every case: its files, and its hidden check in both directions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from agent.diagnosis import Category
from evals.cases import INCIDENTS, Case, CaseError, load_case, load_cases, truth_of
from evals.checks.judge import Judge, check_of, tree_of
from evals.production import ROOT
from evals.testbed.faults import FAULTS
from evals.testbed.repository import git, make_repository
from sandbox.isolation import SandboxUnavailable, find_isolation
from sandbox.node import find_node

CASES = load_cases()
FIXABLE = [case for case in CASES.values() if case.truth.fixable]
EARLY = {"vigil-relative-move", "sse-first-day"}
REVERT_IS_RIGHT = {"vigil-module-lost"}
"""What was lost there comes back as it was; nothing wanted came with the fault in that service."""


@pytest.fixture(scope="module")
def judge() -> Judge:
    try:
        return Judge(find_isolation())
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox on this machine: {error}")


def fixable_cases() -> list[object]:
    return [
        pytest.param(case, id=case.id, marks=[] if case.id in EARLY else [pytest.mark.slow])
        for case in FIXABLE
    ]


@pytest.mark.parametrize("case", fixable_cases())
def test_a_check_passes_on_the_reference_fix_and_on_nothing_else(
    tmp_path: Path, judge: Judge, case: Case
) -> None:
    if case.service == "sse" and find_node() is None:
        pytest.skip("needs Node.js")
    testbed = make_repository(tmp_path / "repo")
    repo, fault = testbed.path, case.fault
    assert fault is not None
    assert fault.apply(repo) == case.commit, "the incident was recorded on another tree"
    broken = judge.judge(case.id, repo)
    assert broken.failures and broken.problem is None, broken.text
    fault.mend(repo)
    assert judge.judge(case.id, repo).passed, judge.judge(case.id, repo).text
    if fault.wrong_fix is not None:
        clean(repo)
        git(repo, "apply", "--whitespace=nowarn", str(fault.wrong_fix))
        assert not judge.judge(case.id, repo).passed, "a plausible wrong fix passes"
    clean(repo)
    shutil.rmtree(repo / "services" / case.service)
    git(repo, "checkout", testbed.head, "--", f"services/{case.service}")
    assert judge.judge(case.id, repo).passed == (case.id in REVERT_IS_RIGHT), (
        "the revert loses what was wanted"
    )


def clean(repo: Path) -> None:
    git(repo, "reset", "--quiet", "--hard")
    git(repo, "clean", "-qxfd")


def test_every_fixable_case_has_a_check_and_no_other() -> None:
    assert {case.id for case in FIXABLE} == {case for case in CASES if check_of(case)}
    assert len(FIXABLE) == 30


def test_unseen_cases_are_told_apart() -> None:
    assert sum(case.truth.unseen for case in CASES.values()) == 10
    assert "unseen = true" in (INCIDENTS / "mesh-missing-await" / "truth.toml").read_text(encoding="utf-8")


def test_no_two_cases_are_the_same_crash() -> None:
    crashes = [(case.service, case.truth.symptom, case.truth.culprit) for case in CASES.values()]
    assert len(set(crashes)) == len(crashes)


def test_there_is_a_case_for_every_fault() -> None:
    assert set(CASES) == set(FAULTS)
    assert {case.truth.category for case in CASES.values()} == set(Category)
    assert len({case.service for case in CASES.values()}) == 10


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_written_about_a_case_is_what_its_fault_says(case: Case) -> None:
    assert case.fault is not None
    assert case.truth == truth_of(case.fault)
    assert case.service == case.fault.service
    assert case.truth.symptom in case.folder.log.read_text(encoding="utf-8")
    incident = json.loads((case.folder.path / "incident.json").read_text(encoding="utf-8"))
    assert (incident["id"], incident["trigger"], incident["repo"]) == (case.id, "recorded", None)


def test_no_recording_tells_of_a_machine() -> None:
    for file in INCIDENTS.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            for trace in ("/work/", "/tmp/autohealer", "/root", "/home/", ".pyenv"):
                assert trace not in text, file
    assert ROOT in (INCIDENTS / "vigil-relative-move" / "log.txt").read_text(encoding="utf-8")


def test_the_recordings_stay_small() -> None:
    assert sum(file.stat().st_size for file in INCIDENTS.rglob("*") if file.is_file()) < 8 << 20


def test_a_case_without_its_truth_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "vigil-relative-move"
    shutil.copytree(INCIDENTS / "vigil-relative-move", folder)
    (folder / "truth.toml").write_text('category = "no such"\n')
    with pytest.raises(CaseError, match=r"truth\.toml"):
        load_case(folder)
    shutil.copytree(INCIDENTS / "vigil-relative-move", tmp_path / "unknown")
    with pytest.raises(CaseError, match="no fault is called"):
        load_case(tmp_path / "unknown")


def test_the_tree_of_a_commit_has_no_repository(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo").path
    with tree_of(repo, "HEAD~1") as tree:
        assert (tree / "services" / "vigil" / "main.py").exists()
        assert not (tree / ".git").exists()
