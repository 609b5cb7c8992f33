"""Heals that page: not code, failed; and the watch, which pages what it sees."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.diagnosis import Category, Diagnosis
from agent.heal import Plan, heal
from agent.notify.config import problems
from agent.notify.heals import STAGE_OF, HealPages
from agent.notify.outbox import Outbox, Pager
from agent.result import HealResult, Outcome, RungResult
from agent.settings import Settings
from agent.store import Store
from agent.watch.__main__ import Standing
from agent.watch.signals import Signal
from evals.cases import INCIDENTS
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder

LOG = """[2026-11-22 13:04:48][vigil][INFO] started
Traceback (most recent call last):
  File "/Users/ernie/MarketSwarm/services/vigil/main.py", line 36, in main
    await run(config, logger, stop)
redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6380. Connection refused.
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "state")
    store.prepare()
    return store


@pytest.fixture
def outage(tmp_path: Path, store: Store) -> IncidentFolder:
    """vigil died since market-redis is away."""
    repo = make_repository(tmp_path / "marketswarm")
    incident = tmp_path / "incident"
    shutil.copytree(INCIDENTS / "vigil-relative-move", incident)
    recorded = json.loads((incident / "incident.json").read_text())
    told = {**recorded, "commit": repo.head, "repo": str(repo.path)}
    (incident / "incident.json").write_text(json.dumps(told))
    (incident / "log.txt").write_text(LOG)
    snapshot = json.loads((incident / "snapshot.json").read_text())
    snapshot["redis"]["market-redis"] = {"alive": False, "error": "Connection refused"}
    (incident / "snapshot.json").write_text(json.dumps(snapshot))
    return store.add(IncidentFolder(incident))


def test_a_fault_that_is_not_code_is_paged_with_the_operator_s_command(
    people: Any, store: Store, outage: IncidentFolder
) -> None:
    settings = Settings(python=Path(sys.executable), notify={"webhook": people.webhook, "settle_s": 0.0})
    result = heal(outage, store, settings, Plan(lambda case, emit: None), lambda event: None)
    assert result.outcome == "not_fixable", result.summary
    people.wait_for(1)
    ends = time.monotonic() + 15
    while people.titles[-1] != "vigil is down, not by its code" and time.monotonic() < ends:
        time.sleep(0.02)
    text = people.texts[-1]
    assert text.startswith("*vigil is down, not by its code*")
    assert "\nDo: `" in text
    assert result.diagnosis is not None
    assert result.diagnosis.operator_action is not None
    assert result.diagnosis.operator_action.split()[0] in text
    assert "/Users/ernie" not in text


def test_autohealer_s_own_failure_is_paged(people: Any, store: Store, outage: IncidentFolder) -> None:
    def broken(case: Any, emit: Any) -> None:
        raise RuntimeError(f"planted, in {store.root}")

    settings = Settings(
        python=Path(sys.executable),
        notify={"webhook": people.webhook, "settle_s": 0.0},
        triage={"always_ask": True},
    )
    with pytest.raises(RuntimeError):
        heal(outage, store, settings, Plan(broken), lambda event: None)
    people.wait_for(1)
    ends = time.monotonic() + 15
    while people.titles[-1] != "AutoHealer failed on vigil" and time.monotonic() < ends:
        time.sleep(0.02)
    assert "RuntimeError: planted, in …" in people.texts[-1]
    assert str(store.root) not in people.texts[-1]


def test_a_state_folder_that_cannot_be_written_ends_no_heal(people: Any, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pages").write_text("a file where a folder should be")
    noted: list[Any] = []
    pages = HealPages.of(Settings(notify={"webhook": people.webhook}), tmp_path / "state", noted.append)
    pages.ended(result("failed"), str)
    assert "nobody could be paged" in noted[0].text


def result(outcome: Outcome, **more: Any) -> HealResult:
    diagnosis = Diagnosis(root_cause="a cause", category=Category.BAD_DATA, fixable=True, confidence=0.9)
    rungs = (
        RungResult(name="gone", state="shown", detail="d"),
        RungResult(name="needed", state="not shown", detail="d"),
    )
    told = {"diagnosis": diagnosis, "proof": rungs, "steps": 3, "cost_usd": 0.031, "seconds": 42.4, **more}
    return HealResult(
        incident="i", run=1, service="vigil", commit="c", outcome=outcome, summary="why", **told
    )


@pytest.mark.parametrize("outcome", STAGE_OF)
def test_every_outcome_has_its_page(tmp_path: Path, outcome: Outcome) -> None:
    pages = HealPages(Pager(Outbox(tmp_path / "state"), ("true",)), lambda event: None)
    branch = {"branch": "autoheal/vigil/i"} if outcome == "branch" else {}
    pages.ended(result(outcome, **branch), str)
    ((_, page),) = Outbox(tmp_path / "state").read()
    assert page is not None
    assert page.stage == STAGE_OF[outcome]
    assert page.what == ("why" if outcome == "failed" else "a cause")
    assert page.note == "42 s, $0.03"
    if outcome == "branch":
        assert (page.do, page.link) == ("git merge autoheal/vigil/i", "autoheal/vigil/i")
        assert page.proof == "1 of 2 shown, not needed"
    else:
        assert page.do == "autohealer show i"


def test_who_stops_a_heal_is_not_paged(tmp_path: Path) -> None:
    pages = HealPages(Pager(Outbox(tmp_path / "state"), ("true",)), lambda event: None)
    pages.ended(result("interrupted"), str)
    assert Outbox(tmp_path / "state").read() == []


def test_what_is_missing_for_a_page_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    assert problems(Settings(notify={"slack_channel": "#ops"}).notify) == [
        "no page to #ops: SLACK_BOT_TOKEN is not set"
    ]


def test_the_watch_pages_what_it_sees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outbox = Outbox(tmp_path / "state")
    standing = Standing(tmp_path, False, False, Pager(outbox, ("true",)))
    standing.tell(Signal("service_down", 1.0, "vigil does not beat", "vigil", incident="i"))
    standing.tell(Signal("service_degraded", 2.0, "vigil beats late", "vigil"))
    assert [page.stage for _, page in outbox.read() if page] == ["down"]
    assert "service_down vigil" in capsys.readouterr().out
    Standing(tmp_path, False, False).tell(Signal("service_down", 1.0, "no pager", "vigil"))
