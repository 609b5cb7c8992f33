"""What a person decides after a run: taken back and remembered, or brought further; the reports say so."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.approval import decision_of
from agent.cli import main
from agent.earlier import earlier_attempts
from agent.events import Ended, Started
from agent.publish import keep
from agent.report import render_page, render_report
from agent.result import HealResult
from agent.store import Run, Store
from agent.watch.cases import Cases
from agent.watch.config import WatchConfig
from agent.watch.endings import ending_of
from agent.watch.signals import Signal
from agent.watch.tickets import Ticket, read_tickets, write_ticket
from tools.incident import IncidentFolder

REASON = "the feed is to be mended, not the rule; ask @ernie\nfirst"
LOG = (
    "Traceback (most recent call last):\n"
    '  File "services/vigil/main.py", line 1, in <module>\n'
    "ValueError: one is not two\n"
)


@pytest.fixture
def store(tmp_path: Path, place: Any) -> Store:
    """A store with an ended run that made its branch; its reports are written as a run writes them."""
    store = Store(tmp_path / "state")
    store.prepare()
    folder = tmp_path / "state" / "incidents" / "vigil-1"
    folder.mkdir()
    incident = {"id": "vigil-1", "service": "vigil", "commit": place.base, "repo": str(place.target)}
    (folder / "incident.json").write_text(json.dumps(incident))
    (folder / "log.txt").write_text(LOG)
    run = store.open_run(IncidentFolder(folder))
    keep(run, place.publication)
    run.append(Started("vigil-1", "vigil", place.base, str(place.target), 1))
    result = HealResult(
        incident="vigil-1", run=1, service="vigil", commit=place.base, outcome="branch", summary="1 of 1",
        branch=place.publication.branch, branch_commit=place.commit, diagnosis=place.publication.diagnosis,
        proof=place.publication.proof, fingerprint="f" * 16, folder=str(run.path),
    )  # fmt: skip
    run.write("result.json", result.model_dump_json())
    run.write("report.md", render_report(result, crash=LOG, triage="", diff=""))
    run.append(Ended("branch", "1 of 1", 1.0, 0.0))
    run.write("report.html", render_page(result, run, None, None))
    return store


@pytest.fixture
def run(store: Store) -> Run:
    return store.runs(store.find("vigil-1"))[0]


@pytest.fixture
def tell(store: Store, tmp_path: Path) -> Any:
    """`autohealer ...` on that store."""

    def told(*words: str, publish: str = "") -> Result:
        config = tmp_path / "autohealer.toml"
        config.write_text(f'state = "{store.root}"\n[publish]\n{publish}')
        return CliRunner().invoke(main, ["--config", str(config), *words])

    return told


def reports(run: Run) -> tuple[str, str]:
    return (run.path / "report.md").read_text(), (run.path / "report.html").read_text()


def test_a_declined_branch_is_taken_back_and_the_reports_say_why(
    place: Any, store: Store, run: Run, tell: Any
) -> None:
    before = reports(run)
    told = tell("publish", "vigil-1", "--decline", "--reason", REASON)
    assert told.exit_code == 0, told.output
    assert place.publication.ref not in place.refs()
    assert f"git branch {place.publication.branch} {place.commit}" in told.output, "nothing is lost"
    decision = decision_of(run)
    assert decision is not None
    assert (decision.answer, decision.reason) == ("declined", " ".join(REASON.split()))
    for text, old in zip(reports(run), before, strict=True):
        assert "declined since" in text
        assert "declined since" not in old
        assert "the feed is to be mended, not the rule" in text
        assert "is left to people" in text
        assert "git merge" not in text
    shown = tell("show", "vigil-1")
    assert "mended on a branch, with a proof, declined since" in shown.output
    assert "declined" in tell("show", "vigil-1", "--postmortem").output


@pytest.mark.parametrize("is_running", [True, False])
def test_a_no_is_remembered_for_the_fault_with_its_reason(store: Store, tell: Any, is_running: bool) -> None:
    """The incident was healed by hand: no watch has a ticket of it."""
    incidents = store.root / "incidents"
    signature = ending_of(LOG.encode()).signature
    queued(incidents, "vigil-2", signature)
    queued(incidents, "vigil-3", "another fault")
    said: list[Signal] = []
    watch = Cases(config(store), said.append) if is_running else None
    assert tell("publish", "vigil-1", "--decline", "--reason", REASON).exit_code == 0
    watch = watch or Cases(config(store), said.append)
    watch.work(enabled=True)
    watch.stop()
    assert [(signal.event, signal.incident) for signal in said] == [
        ("heal_refused", "vigil-2"),
        ("heal_started", "vigil-3"),
    ]
    assert "the feed is to be mended, not the rule" in said[0].reason


def queued(incidents: Path, name: str, signature: str | None) -> None:
    (incidents / name).mkdir()
    write_ticket(incidents, Ticket(name, "vigil", "queued", opened=time.time(), signature=signature))


def test_a_running_watch_keeps_the_reason(place: Any, store: Store, tell: Any) -> None:
    incidents = store.root / "incidents"
    opened = Ticket("vigil-1", "vigil", "ended", outcome="branch", opened=time.time(), signature="s")
    write_ticket(incidents, opened)
    said: list[Signal] = []
    watch = Cases(config(store), said.append)
    assert tell("publish", "vigil-1", "--decline", "--reason", "no").exit_code == 0
    watch.close_old(place.target, {}, time.time())
    assert [signal.event for signal in said] == ["declined"]
    assert [ticket.reason for ticket in read_tickets(incidents)] == ["a person declined its branch: no"]
    watch.close_old(place.target, {}, time.time())
    assert len(said) == 1, "it is told once"


def config(store: Store) -> WatchConfig:
    return WatchConfig(store.root, store.root, "redis://127.0.0.1:1", ("true",))


def test_a_declined_branch_is_no_branch_in_the_list(place: Any, run: Run, tell: Any) -> None:
    assert place.publication.branch in tell("incidents").output
    assert tell("publish", "vigil-1", "--decline", "--reason", REASON).exit_code == 0
    told = " ".join(tell("incidents").output.split())
    assert "declined on" in told
    assert place.publication.branch not in told
    assert " ".join(REASON.split()) in json.loads(tell("incidents", "--json").output)[0]["declined"]


def test_a_model_that_meets_the_fault_again_is_told_of_the_no(store: Store, run: Run, tell: Any) -> None:
    assert tell("publish", "vigil-1", "--decline", "--reason", "mend the feed").exit_code == 0
    found = type("Found", (), {"fingerprint": "f" * 16, "service": "vigil"})()
    (attempt,) = earlier_attempts(store, found)
    assert "a person declined it: mend the feed" in attempt
    assert "the fault is back all the same" not in attempt


def test_a_secret_in_a_reason_stays_here(store: Store, run: Run, tell: Any) -> None:
    secret = "xai-" + "A1b2C3d4" * 6
    assert tell("publish", "vigil-1", "--decline", "--reason", f"key {secret}").exit_code == 0
    for file in store.root.rglob("*"):
        assert not file.is_file() or secret not in file.read_text(errors="replace"), file


def test_what_cannot_be_declined_is_told(place: Any, store: Store, run: Run, tell: Any) -> None:
    assert tell("publish", "vigil-1", "--decline", "--approve").exit_code == 2
    assert tell("publish", "vigil-1", "--reason", "x").exit_code == 2
    assert tell("publish", "nothing", "--decline").exit_code == 1
    changed = place.git("commit-tree", "-p", place.base, "-m", "somebody's", f"{place.base}^{{tree}}")
    place.git("update-ref", place.publication.ref, changed)
    told = tell("publish", "vigil-1", "--decline", "--json")
    assert told.exit_code == 1
    assert "no branch of vigil-1 waits" in json.loads(told.output)["error"]
    assert place.refs()[place.publication.ref] == changed, "what a person made stays"
    assert decision_of(run) is None
    assert "declined" not in "".join(reports(run))


def test_a_pushed_branch_is_declined_on_the_forge(place: Any, store: Store, run: Run, tell: Any) -> None:
    assert tell("publish", "vigil-1", publish='remote = "origin"').exit_code == 0
    assert tell("publish", "vigil-1", "--decline").exit_code == 1
    assert place.publication.ref in place.refs()
    assert place.remote_branch() == place.commit


def test_a_push_that_fails_says_why_what_comes_first_and_exits_with_1(
    place: Any, store: Store, run: Run, tell: Any
) -> None:
    bare = place.bare
    place.git("-C", str(bare), "update-ref", "-d", "refs/heads/main")
    place.git("update-ref", "-d", "refs/remotes/origin/main")
    told = tell("publish", "vigil-1", publish='remote = "origin"')
    assert told.exit_code == 1
    assert f"origin does not have the commit {place.base[:12]}" in told.output
    commands = [
        line.removeprefix("by hand: ") for line in told.output.splitlines() if line.startswith("by hand")
    ]
    assert commands[0] == "git push origin main"
    assert place.remote_branch() is None
    for command in commands:
        place.git(*command.split()[1:])
    assert place.remote_branch() == place.commit, "the commands are right as they stand"
    assert "pushed: yes" not in told.output
    told = tell("publish", "vigil-1", "--json", publish='remote = "origin"')
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["problems"] == []


def test_a_remote_that_is_none_is_told_with_the_command_that_adds_it(place: Any, run: Run, tell: Any) -> None:
    told = tell("publish", "vigil-1", "--json", publish='remote = "elsewhere"')
    assert told.exit_code == 1
    answer = json.loads(told.output)
    assert "no remote 'elsewhere'" in answer["problems"][0]
    assert answer["by_hand"][:2] == ["git remote add elsewhere URL", "git push elsewhere main"]


def test_an_approval_is_in_the_reports(
    place: Any, store: Store, run: Run, tell: Any, start_forge: Any
) -> None:
    forge = start_forge("github")
    publish = f'remote = "origin"\nforge = "github"\nproject = "swarm/market"\napi = "{forge.url}"\napproval = true\n'
    told = tell("publish", "vigil-1", publish=publish)
    assert "pushed: no" in told.output, told.output
    told = tell("publish", "vigil-1", "--approve", publish=publish)
    assert "pull request: https://forge.invalid/swarm/market/pull/1" in told.output, told.output
    for text in reports(run):
        assert "Review https://forge.invalid/swarm/market/pull/1" in text
        assert "a person approved the branch" in text
        assert "git merge" not in text


def test_a_merge_and_a_removal_are_told_by_whoever_reads_next(
    place: Any, store: Store, run: Run, tell: Any
) -> None:
    first = tell("show", "vigil-1").output
    assert f"`git merge {place.publication.branch}`" in first
    files = [path.stat().st_mtime_ns for path in run.path.iterdir()]
    assert tell("show", "vigil-1").output == first
    assert [path.stat().st_mtime_ns for path in run.path.iterdir()] == files, "no news, nothing is written"
    place.git("update-ref", "-d", place.publication.ref)
    assert "taken away unmerged since" in tell("show", "vigil-1").output
    place.git("update-ref", place.publication.ref, place.commit)
    assert "taken away" not in tell("show", "vigil-1").output
    place.git("merge", "-q", "--ff-only", place.publication.branch)
    told = tell("show", "vigil-1").output
    assert "It is merged: restart vigil" in told
    for text in reports(run):
        assert "merged since" in text
    told = json.loads(tell("show", "vigil-1", "--json").output)
    assert "merged since" in told["report"]


def test_a_run_from_before_scenes_keeps_its_reports(place: Any, run: Run, tell: Any) -> None:
    (run.path / "scene.json").unlink()
    before = reports(run)
    place.git("merge", "-q", "--ff-only", place.publication.branch)
    assert tell("show", "vigil-1").exit_code == 0
    assert reports(run) == before
