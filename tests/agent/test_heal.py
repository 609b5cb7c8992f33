"""A whole heal on crashes that were really recorded: real git, real sandbox, the scripted model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.approval import decline
from agent.events import BranchIntended, BranchMade, Event, Noted, Triaged
from agent.exit import Exit
from agent.heal import Plan, heal
from agent.model.builtin import Builtin
from agent.model.chain import Chain
from agent.model.protocol import Attempt, KeyRefused, NoKey, NoModelLeft, ToolResult, Turn, UserMessage
from agent.model.scripted import Answer, Scripted, called, said
from agent.report import next_step
from agent.result import HealResult
from agent.settings import Settings
from agent.store import Store
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.testbed.faults import FAULTS, Fault
from evals.testbed.repository import make_repository
from tools.incident import IncidentError, IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
TEST = """from services.vigil.intel.spot import Spot


def test_no_previous_close_is_no_day_change():
    assert Spot("SPX", 101.2, 1010.0, None).day_change_pct is None
"""


class Bench:
    """A broken repository, a store with its incident, and a way to run a scripted model on it."""

    def __init__(self, folder: Path, fault: Fault) -> None:
        self.repo = make_repository(folder / "marketswarm").path
        commit = fault.apply(self.repo)
        incident = folder / "incident"
        shutil.copytree(INCIDENTS / fault.id, incident)
        recorded = json.loads((incident / "incident.json").read_text())
        (incident / "incident.json").write_text(json.dumps({**recorded, "commit": commit}))
        self.store = Store(folder / "state")
        self.store.prepare()
        self.folder = self.store.add(IncidentFolder(incident))
        self.settings = Settings(repo=self.repo, python=Path(sys.executable), sandbox={"test_runs": 1})
        self.events: list[Event] = []
        self.model = Scripted([])

    def run(self, answers: list[Answer], **plan: Any) -> HealResult:
        self.model = Scripted(answers)
        return heal(
            self.folder,
            self.store,
            self.settings,
            Plan(lambda case, emit: self.model, **plan),
            self.events.append,
        )

    def look(self) -> list[str]:
        """What a heal must not change."""
        return [self.git("status", "--porcelain"), self.git("rev-parse", "HEAD"), self.git("stash", "list")]

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads/autoheal").split()

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.repo, capture_output=True, text=True, check=True
        ).stdout


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, FAULT)


def edits(fault: Fault, count: int | None = None, *, test: bool = True) -> dict[str, Any]:
    rest = {"restore": None, "delete": None}
    assert fault.fix is not None
    fix = edits_of(fault.fix)[:count]
    wanted = [{"path": edit.path, "search": edit.search, "replace": edit.replace, **rest} for edit in fix]
    if test:
        path = "services/vigil/tests/test_day_change.py"
        wanted.append({"path": path, "search": None, "replace": TEST, **rest})
    return {"edits": wanted, "reason": "an instrument without a previous close has no day change"}


def diagnosis(**changes: Any) -> str:
    told = {
        "root_cause": "DayMoveRule divides by a previous close that new instruments lack. It struck on RUT.",
        "category": "bad_data",
        "culprit": {"file": "services/vigil/intel/spot.py", "line": 20, "function": "day_change_pct"},
        "evidence": ["services/vigil/intel/spot.py:20"],
        "fixable": True,
        "why_not": None,
        "risk": "day_pct may be null now",
        "confidence": 0.9,
        "operator_action": None,
    }
    return json.dumps({**told, **changes})


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, HealResult, list[str]]:
    """A whole heal that ends with a branch, and what the target looked like before it."""
    bench = Bench(tmp_path_factory.mktemp("healed"), FAULT)
    before = bench.look()
    return bench, bench.run([called(("propose_patch", edits(FAULT))), said(diagnosis())]), before


def test_a_proven_patch_becomes_one_branch_that_touches_the_service_only(
    healed: tuple[Bench, HealResult, list[str]],
) -> None:
    bench, result, before = healed
    assert result.outcome == "branch", result.summary
    assert result.exit_code == Exit.DONE
    assert bench.branches() == [f"autoheal/vigil/{FAULT.id}"] == [result.branch]
    touched = bench.git("diff", "--name-only", f"HEAD..{result.branch}").split()
    assert touched
    assert all(path.startswith("services/vigil/") for path in touched)
    assert bench.look() == before
    message = bench.git("log", "-1", "--format=%B", str(result.branch))
    assert message.startswith("fix(vigil): an instrument without a previous close has no day change\n")
    assert "Risk: day_pct may be null now" in message
    assert f"Incident: {FAULT.id}" in message
    assert "Assisted-by: scripted" in message
    assert "- gone: shown" in message
    kinds = [type(event) for event in bench.events]
    assert kinds.index(BranchIntended) < kinds.index(BranchMade)


def test_the_record_holds_the_whole_story(healed: tuple[Bench, HealResult, list[str]]) -> None:
    bench, result, _ = healed
    folder = Path(result.folder)
    assert HealResult.model_validate_json((folder / "result.json").read_text()) == result
    assert (folder / "patch.diff").read_text().startswith("diff --git a/services/vigil/")
    conversation = json.loads((folder / "trajectory.json").read_text())
    assert [item["item"] for item in conversation] == ["UserMessage", "Turn", "ToolResult", "Turn"]
    journal = [json.loads(line)["event"] for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert journal[0] == "Started"
    assert journal[-1] == "Ended"
    report = (folder / "report.md").read_text()
    story = (
        result.branch,
        "Quick way back",
        "git revert",
        "| gone | shown |",
        "DayMoveRule divides",
        "+++ b/services/vigil",
    )
    for part in story:
        assert str(part) in report
    assert str(bench.repo) not in report


def test_the_model_starts_with_the_crash_the_rules_and_the_health(bench: Bench) -> None:
    bench.run([said(diagnosis(fixable=False, why_not="no"))])
    request = bench.model.requests[0]
    first = request.items[0]
    assert isinstance(first, UserMessage)
    for part in (
        "day_change_pct",
        "TypeError",
        "services/vigil/intel/rules.py",
        "replay::boots_and_beats",
        "sse",
    ):
        assert part in first.text
    assert "healer-context" not in request.system
    assert "MarketSwarm" in request.system
    assert [tool.name for tool in request.tools][-2:] == ["propose_patch", "run_pytest"]


@pytest.mark.slow
def test_what_the_proof_showed_goes_back_and_the_model_mends_it(bench: Bench) -> None:
    half = called(("propose_patch", edits(FAULT, 1, test=False)))
    whole = called(("propose_patch", edits(FAULT)))
    result = bench.run([half, said(diagnosis()), whole, said(diagnosis())])
    assert result.outcome == "branch"
    told = [item.text for item in bench.model.requests[2].items if isinstance(item, UserMessage)][-1]
    assert "gone: failed" in told
    assert "2 more attempts" in told


@pytest.mark.slow
def test_after_three_attempts_the_patch_is_attached_and_no_branch_is_made(bench: Bench) -> None:
    half: list[Answer] = [called(("propose_patch", edits(FAULT, 1, test=False))), said(diagnosis())]
    result = bench.run([*half, said(diagnosis()), said(diagnosis())])
    assert result.outcome == "unproven"
    assert result.exit_code == Exit.NO_PATCH
    assert bench.branches() == []
    assert "attached, not on a branch" in (Path(result.folder) / "report.md").read_text()
    again = bench.run([said(diagnosis(fixable=False, why_not="no"))])
    first = bench.model.requests[0].items[0]
    assert isinstance(first, UserMessage)
    assert "Earlier attempts" in first.text, "the next run is told what did not hold"
    assert again.run == 2


@pytest.mark.slow
def test_the_same_patch_is_one_branch_and_another_one_takes_the_next_free_name(bench: Bench) -> None:
    answers: list[Answer] = [called(("propose_patch", edits(FAULT))), said(diagnosis())]
    first, second = bench.run(answers), bench.run(answers)
    assert (second.outcome, second.branch, second.branch_commit) == (
        "branch", first.branch, first.branch_commit
    )  # fmt: skip
    assert any(f"already waits on branch {first.branch}" in note for note in second.notes)
    assert bench.branches() == [first.branch]
    third = bench.run([called(("propose_patch", edits(FAULT, test=False))), said(diagnosis())])
    assert bench.branches() == [first.branch, third.branch]


@pytest.mark.slow
def test_a_no_is_told_before_the_same_incident_is_healed_again(bench: Bench) -> None:
    answers: list[Answer] = [called(("propose_patch", edits(FAULT))), said(diagnosis())]
    bench.run(answers)
    decline(bench.store, bench.folder, None, "the feed is to be mended")
    bench.events.clear()
    again = bench.run(answers)
    kinds = [type(event) for event in bench.events]
    assert kinds.index(Noted) < kinds.index(Triaged)
    (told,) = [note for note in again.notes if "declined" in note]
    assert f"{datetime.now(UTC):%Y-%m-%d}: the feed is to be mended" in told
    assert told in (Path(again.folder) / "report.md").read_text()


def test_an_outage_of_a_redis_is_not_healed_and_keeps_its_report(bench: Bench) -> None:
    file = bench.folder.path / "incident.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "trigger": "redis_down"}))
    with pytest.raises(IncidentError, match=f"infrastructure.*autohealer show {FAULT.id}"):
        bench.run([])
    assert bench.store.runs(bench.folder) == []


def test_a_log_that_says_nothing_ends_as_cause_unknown(bench: Bench) -> None:
    bench.folder.log.write_text("")
    bench.settings = bench.settings.model_copy(
        update={"sandbox": bench.settings.sandbox.model_copy(update={"enabled": False})}
    )
    plan = Plan(lambda case, emit: Builtin())
    result = heal(bench.folder, bench.store, bench.settings, plan, bench.events.append)
    assert (result.outcome, result.exit_code) == ("diagnosed", Exit.NO_PATCH)
    report = (Path(result.folder) / "report.md").read_text()
    assert report.startswith("# vigil: down, cause unknown")
    assert "logs/vigil.log" in report
    assert "whether vigil was started" in next_step(result)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"outcome": "proven", "summary": "no branch was made, as asked; 5 of 5"}, "`autohealer heal v-1` makes"),
        ({"outcome": "no_key", "notes": ("grok-4: no key: XAI_API_KEY is not in the Truth component",)},
         "Set XAI_API_KEY, or leave out --model"),
        ({"outcome": "diagnosed", "way_back": 'came with 1 "x". Quick way back: `git revert 0123456789ab`.'},
         "`git revert 0123456789ab`, and restart vigil"),
        ({"outcome": "diagnosed"}, "Mend vigil by hand at services/vigil/intel/spot.py:20"),
        ({"outcome": "limit"}, "Raise the limit"),
    ],
)  # fmt: skip
def test_the_next_step_is_one_that_a_person_can_take(changes: dict[str, Any], told: str) -> None:
    fields = {"incident": "v-1", "run": 1, "service": "vigil", "commit": "a", "summary": "a summary"}
    result = HealResult.model_validate({**fields, "diagnosis": json.loads(diagnosis()), **changes})
    assert told in next_step(result)
    assert next_step(result) != result.summary


@pytest.mark.slow
def test_a_base_that_moved_while_healing_is_proven_again_or_refused(bench: Bench) -> None:
    def moved(edit: str) -> Any:
        def answer(request: object) -> Turn:
            file = bench.repo / edit
            file.write_text(f"# a colleague was here\n{file.read_text()}")
            bench.git("-c", "user.name=c", "-c", "user.email=c@localhost", "commit", "-qam", f"touch {edit}")
            return said(diagnosis())

        return answer

    propose: Answer = called(("propose_patch", edits(FAULT)))
    result = bench.run([propose, moved("shared/logutil.py")])
    assert result.outcome == "branch", result.summary
    assert any("moved on" in note for note in result.notes)
    assert bench.git("merge-base", "HEAD", str(result.branch)) == bench.git("rev-parse", "HEAD")
    refused = bench.run([propose, moved("services/vigil/intel/rules.py")])
    assert (refused.outcome, refused.exit_code) == ("refused", Exit.REFUSED)
    assert "base-moved" in refused.summary
    assert len(bench.branches()) == 1


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [
        ("diagnose", "diagnosed"),
        ("patch", "diagnosed"),
        pytest.param("prove", "proven", marks=pytest.mark.slow),
    ],
)
def test_a_run_stops_where_it_was_told_to(bench: Bench, stop: str, outcome: str) -> None:
    answers: list[Answer] = [called(("propose_patch", edits(FAULT))), said(diagnosis())]
    result = bench.run(answers, stop_after=stop)
    assert result.outcome == outcome
    assert bench.branches() == []
    assert (Path(result.folder) / "patch.diff").exists() == (stop != "diagnose")
    if stop == "diagnose":
        refused = bench.model.requests[1].items[-1]
        assert isinstance(refused, ToolResult)
        assert "there is no tool 'propose_patch'" in refused.text


def test_not_fixable_is_an_answer(bench: Bench) -> None:
    result = bench.run(
        [said(diagnosis(fixable=False, why_not="Truth is wrong", operator_action="fix Truth"))]
    )
    assert (result.outcome, result.exit_code) == ("not_fixable", Exit.NO_PATCH)
    assert result.summary == "Truth is wrong"
    assert "fix Truth" in (Path(result.folder) / "report.md").read_text()
    assert bench.branches() == []


def test_a_patch_out_of_scope_is_refused_and_the_run_goes_on(bench: Bench) -> None:
    outside = edits(FAULT, 0, test=False)
    outside["edits"] = [
        {"path": "shared/logutil.py", "search": None, "replace": "x", "restore": None, "delete": None}
    ]
    result = bench.run([called(("propose_patch", outside)), said(diagnosis())])
    answer = bench.model.requests[1].items[-1]
    assert isinstance(answer, ToolResult)
    assert answer.text.startswith("ERROR: Refused by outside-service")
    assert (result.outcome, bench.branches()) == ("diagnosed", [])


def test_when_no_model_answers_the_rules_do(bench: Bench) -> None:
    gone = NoModelLeft([Attempt("grok-4", NoKey("grok-4", "no key"))])
    result = bench.run([gone])
    assert (result.outcome, result.exit_code) == ("no_key", Exit.NO_KEY)
    assert result.diagnosis is not None
    assert any("no model answered" in note for note in result.notes)


def test_a_limit_ends_with_the_best_diagnosis_and_its_own_exit_code(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(
        update={"limits": bench.settings.limits.model_copy(update={"steps": 1})}
    )
    look = called(("read_file", {"path": "services/vigil/main.py", "start": 1, "end": 2, "commit": None}))
    result = bench.run([look, said(diagnosis())])
    assert (result.outcome, result.exit_code) == ("limit", Exit.BUDGET)
    assert result.diagnosis is not None
    assert result.diagnosis.root_cause.startswith("DayMoveRule")


def test_a_secret_in_a_diagnosis_reaches_no_report(bench: Bench) -> None:
    planted = "xai-" + "A1b2C3d4" * 6
    result = bench.run([said(diagnosis(fixable=False, root_cause=f"the key {planted} is bad", why_not="no"))])
    for file in Path(result.folder).iterdir():
        if file.name in ("report.md", "result.json", "diagnosis.json"):
            assert planted not in file.read_text(), file.name


def test_a_crash_of_ours_is_recorded_and_raised(bench: Bench) -> None:
    def broken(request: object) -> Any:
        raise RuntimeError("a bug of ours")

    with pytest.raises(RuntimeError, match="a bug of ours"):
        bench.run([broken])
    run = bench.store.runs(bench.folder)[-1]
    recorded = run.result()
    assert recorded is not None
    assert recorded["outcome"] == "failed"
    assert "a bug of ours" in recorded["summary"]
    assert (run.path / "report.md").exists()


def test_without_a_sandbox_the_patch_is_attached_and_the_exit_code_is_3(bench: Bench) -> None:
    none = bench.settings.sandbox.model_copy(update={"enabled": False})
    bench.settings = bench.settings.model_copy(update={"sandbox": none})
    propose: Answer = called(("propose_patch", edits(FAULT)))
    result = bench.run([propose, *(said(diagnosis()) for _ in range(3))])
    assert (result.outcome, result.exit_code) == ("unproven", Exit.NO_PATCH)
    assert bench.branches() == []
    assert "no sandbox" in result.summary
    assert (Path(result.folder) / "patch.diff").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fails", [False, True], ids=["mended-by-the-next", "the-next-fails"])
def test_what_the_rules_could_not_prove_is_the_next_model_s(bench: Bench, fails: bool) -> None:
    half, whole = edits(FAULT, 1, test=False), edits(FAULT)
    done = said(diagnosis(), model_id="builtin")
    rules = Scripted(
        [called(("propose_patch", half), model_id="builtin"), done, done, done], model_id="builtin"
    )
    mended = [called(("propose_patch", whole), model_id="own"), said(diagnosis(), model_id="own")]
    own = Scripted([KeyRefused("own", "the key was refused")] if fails else mended, model_id="own")
    plan = Plan(lambda case, emit: Chain([rules, own], lambda text: None))
    result = heal(bench.folder, bench.store, bench.settings, plan, bench.events.append)
    first = own.requests[0].items
    assert isinstance(first[-1], UserMessage)
    assert "without a proven patch" in first[-1].text
    assert any("gone: failed" in item.text for item in first if isinstance(item, UserMessage))
    patch = (Path(result.folder) / "patch.diff").read_text()
    if fails:
        assert (result.outcome, result.answered_by) == ("unproven", "rule-based, no model")
        assert [rung.state for rung in result.proof if rung.name == "gone"] == ["failed"]
        assert "test_day_change" not in patch
    else:
        assert (result.outcome, result.answered_by) == ("branch", "own"), result.summary
        assert result.models == ("rule-based, no model", "own")
        assert [rung.state for rung in result.proof if rung.name == "gone"] == ["shown"]
        assert "test_day_change" in patch
        assert "Assisted-by: rule-based, no model; own" in bench.git(
            "log", "-1", "--format=%B", str(result.branch)
        )


@pytest.mark.slow
def test_the_same_pattern_in_another_service_is_told_and_not_patched(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FAULTS["copilot-shared-rename"])
    result = bench.run(
        [said(diagnosis(fixable=False, why_not="no", related=["services/made/up.py:1: by me"]))]
    )
    place = "services/vexy_ai/intel/orchestrator.py:11: from shared.redis_io import connect, messages"
    assert result.diagnosis is not None
    assert [one.partition(" (")[0] for one in result.diagnosis.related] == [place]
    folder = Path(result.folder)
    for name in ("report.md", "report.html", "diagnosis.json"):
        assert place in (folder / name).read_text(), name
    assert "made/up" not in (folder / "diagnosis.json").read_text()
    asked = bench.model.requests[0]
    assert "related" not in json.dumps(asked.answer_schema), "no model is asked for it"
