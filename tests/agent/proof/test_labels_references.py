"""The labels of the faults' reference fixes: none drops anything, few are workarounds, and those really are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.proof.labels import Crashed, labels_for
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.testbed.faults import FAULTS, UNSEEN, Fault
from evals.testbed.repository import TestbedRepository, git, make_repository
from sandbox.patch import Edit, Patch, from_diff, from_edits
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.logs import last_crash, map_frames
from tools.redact import Redactor
from tools.repository import Repository
from tools.tool import Workbench

DEFAULT = "workaround: a default that hides missing data"
HIDING = {
    "content-poisoned-log": DEFAULT,
    "healer-logger-exception": "workaround: a swallowed error",
    "rss-no-date": DEFAULT,
    "sse-first-day": DEFAULT,
}
"""The fixes that make something up, or tell an error and go on."""
UNTOLD_WRONG = {"content-name-error", "healer-null-heartbeat"}
"""Wrong fixes that are wrong in another way than these labels know."""
MORE = {
    *("copilot-alert-target", "copilot-huge-log", "copilot-mel-empty", "journal-route-signature"),
    *("copilot-shared-rename", "massive-worker-dead", "vexy-voice-renamed"),
    *("content-name-error", "healer-null-heartbeat", "rss-no-date"),
    *("healer-logger-exception", "vexy-circular-import", "vigil-relative-move"),
}
"""The fixes that do more than plain repairs do: they ask for a kind of alert, bring a route back, read another
key, call what crashed in another manner; put a word in the place of one that is not like it; make a constant; take a 0 for
missing; change an `except`, a number's file, a report that did not crash."""


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[str, ...]]:
    """The labels of every fix and every wrong one, by id of the fault and which of the two."""
    folder = tmp_path_factory.mktemp("references")
    made = make_repository(folder / "marketswarm")
    return {
        (fault.id, which): _labels_of(fault, diff, made, folder)
        for fault in FAULTS.values()
        for which, diff in (("fix", fault.fix), ("wrong", fault.wrong_fix))
        if diff is not None
    }


def _labels_of(
    fault: Fault, diff: Path, made: TestbedRepository, folder: Path, *more: Edit
) -> tuple[str, ...]:
    git(made.path, "reset", "--quiet", "--hard", made.head)
    base = fault.apply(made.path)
    gate = PrivateRepository(made.path, folder / "state")
    incident = IncidentFolder(INCIDENTS / fault.id)
    repository = Repository(made.path, base)
    bench = Workbench(incident, fault.service, repository, gate, Redactor())
    crash = last_crash((INCIDENTS / fault.id / "log.txt").read_bytes())
    mapped = map_frames(crash, repository.exists) if crash else None
    patch = _patch(gate, base, fault.service, diff, *more)
    return labels_for(bench, patch, Crashed.of(mapped, fault.service))


def _patch(gate: PrivateRepository, base: str, service: str, diff: Path, *more: Edit) -> Patch:
    try:
        return from_edits(gate, base, service, [*edits_of(diff), *more])
    except Refused:
        return from_diff(gate, base, service, diff.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_no_reference_fix_drops_anything(labels: dict[tuple[str, str], tuple[str, ...]]) -> None:
    fixes = [told for (_, which), told in labels.items() if which == "fix"]
    assert len(fixes) >= 22
    assert not [label for told in fixes for label in told if label.startswith("drops behaviour")]


@pytest.mark.slow
def test_only_fixes_that_hide_something_are_workarounds(
    labels: dict[tuple[str, str], tuple[str, ...]],
) -> None:
    unseen = {fault.id for fault in UNSEEN}
    told = {
        fault: [label for label in labels[fault, "fix"] if label.startswith("workaround")]
        for fault, which in labels
        if which == "fix" and fault not in unseen
    }
    assert {fault: found for fault, found in told.items() if found} == {
        fault: [label] for fault, label in HIDING.items()
    }


@pytest.mark.slow
def test_most_wrong_fixes_are_told(labels: dict[tuple[str, str], tuple[str, ...]]) -> None:
    unseen = {fault.id for fault in UNSEEN}
    wrong = {fault: told for (fault, which), told in labels.items() if which == "wrong"}
    assert {fault for fault, told in wrong.items() if not told} - unseen == UNTOLD_WRONG


@pytest.mark.slow
def test_which_fixes_are_more_than_a_plain_repair(labels: dict[tuple[str, str], tuple[str, ...]]) -> None:
    unseen = {fault.id for fault in UNSEEN}
    told = {fault for (fault, which), found in labels.items() if which == "fix" and "more than" in str(found)}
    assert told - unseen == MORE


@pytest.mark.parametrize(
    ("name", "others"),
    [("test_mel.py", "services/copilot/tests/test_mel.py"), ("test_mesh_beats.py", "")],
)
def test_a_new_test_by_the_name_of_another_one_is_told(tmp_path: Path, name: str, others: str) -> None:
    fault, path = FAULTS["mesh-beat-without-pid"], f"services/mesh/tests/{name}"
    assert fault.fix is not None
    source = "from services.mesh.intel.roster import parse_beat\n\n\ndef test_beat():\n    assert parse_beat('x')\n"
    made = make_repository(tmp_path / "marketswarm")
    told = _labels_of(fault, fault.fix, made, tmp_path, Edit(path=path, replace=source))
    said = f"look at: {path} has the name of {others}: pytest takes no two such in one run"
    assert [label for label in told if "has the name" in label] == ([said] if others else [])
