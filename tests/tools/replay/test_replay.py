"""The replay of one incident: what it says, how it says it, and what history says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from sandbox.boot import Waits
from sandbox.isolation import Box, Isolation
from sandbox.worktree import PrivateRepository
from tools.replay import Replay, changes

PRICES, LEVELS, ORCHESTRATOR = (
    f"services/pulse/intel/{name}.py" for name in ("prices", "levels", "orchestrator")
)
BREAK = [(ORCHESTRATOR, "intel.levels import", "intel.strikes import")]
MEND = [(ORCHESTRATOR, "intel.strikes import", "intel.levels import")]
QUICK = Waits(settle_s=0.2, patience_s=1.0)


@pytest.fixture
def broken(checkout, bare, open_case):
    """An import that broke three commits ago, among commits that have nothing to do with it."""
    checkout.commit("pulse: words", [(LEVELS, '"""The distance of', '"""Distance of')])
    checkout.commit("docs: more", [("docs/notes.md", "", "notes\n")])
    checkout.commit("pulse: strikes", BREAK)
    checkout.commit("pulse: more words", [(PRICES, '"""The change since', '"""Change since')])
    commit = checkout.commit("mesh: started", [("services/mesh/main.py", "", "pass\n")])
    return open_case(commit, bare.log(checkout), waits=QUICK)


def test_a_replay_is_one_more_test_to_the_model(broken) -> None:
    base = broken.replay.of(None)
    assert base.text.splitlines()[0] == (
        "replay::boots_and_beats FAILED (reproduced: ModuleNotFoundError at "
        "services/pulse/intel/orchestrator.py:5 in <module>)"
    )
    assert base.text.splitlines()[-1] == "ModuleNotFoundError: No module named 'services.pulse.intel.strikes'"
    fixed = broken.replay.of(broken.patch(MEND))
    assert fixed.text == "replay::boots_and_beats PASSED (it beats, stays alive and stops without an error)"
    second = broken.replay.of(
        broken.patch([(ORCHESTRATOR, "strikes import LevelsWorker", "levels import Levels")])
    )
    assert second.verdict == "other_crash"
    assert second.crash is not None and second.crash.final is not None
    assert second.crash.final.name == "ImportError"
    assert second.text.splitlines()[0] == (
        "replay::boots_and_beats FAILED (other crash: ImportError at "
        "services/pulse/intel/orchestrator.py:5 in <module>)"
    )


def test_a_tree_is_booted_once_and_told_in_the_same_words_again(broken) -> None:
    replay = broken.replay
    base = replay.of(None)
    assert replay.of(None).report is base.report
    fresh = Replay(
        replay.repo,
        replay.isolation,
        replay.python,
        replay.folder,
        replay.service,
        replay.commit,
        replay.crash,
    )
    again = fresh.of(None)
    assert again.report is not base.report
    assert again.text == base.text


@dataclass
class Counting:
    """The isolation of a replay, and how often a box of it ran."""

    inner: Isolation
    boxes: int = 0

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, box: Box) -> Any:
        self.boxes += 1
        return self.inner.run(box)


def test_a_commit_is_booted_once_for_all_runs_and_a_patch_each_time(broken, tmp_path) -> None:
    replay = broken.replay
    repo = PrivateRepository(replay.repo.target, tmp_path / "state")

    def fresh() -> tuple[Replay, Counting]:
        counting = Counting(replay.isolation)
        rest = (replay.python, replay.folder, replay.service, replay.commit, replay.crash)
        return Replay(repo, counting, *rest, waits=QUICK), counting

    (first, boxes), (second, later) = fresh(), fresh()
    patch = broken.patch(MEND)
    before, after = first.of(None), second.of(None)
    assert (boxes.boxes, later.boxes) == (1, 0)
    assert after.report == before.report
    assert (after.verdict, after.text) == (before.verdict, before.text) == ("reproduced", after.text)
    assert second.of(patch).verdict == "beats"
    assert later.boxes == 1
    assert second.again(None).verdict == "reproduced"
    assert later.boxes == 2, "a second look looks"
    third, counting = fresh()
    third.waits = replace(third.waits, settle_s=0.7)
    assert third.of(None).verdict == "reproduced"
    assert counting.boxes == 1, "another wait is another boot"


def test_history_tells_which_change_brought_it(broken, checkout) -> None:
    log = checkout.git("log", "--format=%H %s").splitlines()
    ids = {subject: commit for commit, _, subject in (line.partition(" ") for line in log)}
    touching = changes(broken.repo, broken.replay.commit, "pulse")
    assert touching == [
        ids[subject]
        for subject in ("pulse: more words", "pulse: strikes", "pulse: words", "pulse: prices and levels")
    ]
    found = broken.replay.bisect()
    assert (found.good, found.bad, found.exact) == (ids["pulse: words"], ids["pulse: strikes"], True)
    good = broken.replay.last_good(2)
    assert good is not None and good.verdict == "beats"
    assert broken.replay.last_good(1) is None


def test_a_merge_is_told_as_the_change(checkout, bare, open_case) -> None:
    checkout.git("checkout", "-q", "-b", "autoheal/pulse/one")
    checkout.commit("pulse: a fix of ours", BREAK)
    checkout.git("checkout", "-q", "main")
    checkout.commit("docs: more", [("docs/notes.md", "", "notes\n")])
    checkout.git("merge", "-q", "--no-ff", "-m", "merge autoheal/pulse/one", "autoheal/pulse/one")
    commit = checkout.git("rev-parse", "HEAD")
    opened = open_case(commit, bare.log(checkout), waits=QUICK)
    assert opened.replay.bisect().bad == commit


def test_without_a_crash_in_the_log_a_boot_still_tells(checkout, open_case) -> None:
    commit = checkout.commit("pulse: strikes", BREAK)
    opened = open_case(commit, "[2026-01-01 10:00:00][pulse][INFO] up\n", waits=QUICK)
    base = opened.replay.of(None)
    assert base.verdict == "other_crash"
    assert "ModuleNotFoundError" in base.why
    assert opened.replay.of(opened.patch(MEND)).verdict == "beats"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            ("truth/components/pulse.json", "", '{"lang": "node", "entry_point": "services/pulse/index.ts"}'),
            "neither Python nor JavaScript",
        ),
        (("truth/components/pulse.json", "", "{"), "is not JSON"),
        (
            ("truth/components/pulse.json", "", '{"entry_point": "services/pulse/start.py"}'),
            "the tree has no",
        ),
    ],
)
def test_what_cannot_be_booted_is_unclear(checkout, open_case, change, why) -> None:
    opened = open_case(checkout.commit("truth: other", [change]), "KeyError: 'x'\n")
    base = opened.replay.of(None)
    assert base.verdict == "unclear"
    assert why in base.why
    assert base.text.startswith("replay::boots_and_beats SKIPPED (unclear: ")
