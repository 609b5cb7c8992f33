"""Whole heals of recorded crashes by the rules alone: real git, real tools, real sandbox, real proof."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from agent.events import Event
from agent.heal import Plan, heal
from agent.model.builtin import Builtin
from agent.model.spec import RULE_BASED
from agent.result import HealResult
from agent.settings import Settings
from agent.store import Store
from agent.terminal import show_result
from evals.cases import INCIDENTS
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder


def healed(folder: Path, name: str, model: Builtin | None = None) -> tuple[HealResult, str]:
    """The result of a heal, and what its branch changes."""
    repo = make_repository(folder / "marketswarm").path
    commit = FAULTS[name].apply(repo)
    incident = folder / "incident"
    shutil.copytree(INCIDENTS / name, incident, ignore=shutil.ignore_patterns("truth.toml"))
    recorded = json.loads((incident / "incident.json").read_text())
    (incident / "incident.json").write_text(json.dumps({**recorded, "commit": commit}))
    store = Store(folder / "state")
    store.prepare()
    settings = Settings(repo=repo, python=Path(sys.executable), sandbox={"test_runs": 1})
    events: list[Event] = []
    plan = Plan(lambda case, emit: model or Builtin(), always_ask=True)
    result = heal(store.add(IncidentFolder(incident)), store, settings, plan, events.append)
    if result.branch is None:
        return result, ""
    words = ["git", "diff", "-U0", f"HEAD..{result.branch}"]
    return result, subprocess.run(words, cwd=repo, capture_output=True, text=True, check=True).stdout


def test_a_heal_without_any_model_ends_with_a_branch(tmp_path: Path) -> None:
    result, diff = healed(tmp_path, "healer-null-heartbeat")
    assert result.outcome == "branch", result.summary
    assert '+        beat = component.get("heartbeat") or {}' in diff.splitlines()
    assert result.models == (RULE_BASED,)
    assert result.cost_usd == 0.0
    assert result.steps <= 12
    assert result.diagnosis is not None
    assert "rule-based, no model" in result.diagnosis.root_cause


@pytest.mark.slow
def test_what_builtin_calls_a_workaround_is_labelled_wherever_the_patch_is_told(tmp_path: Path) -> None:
    result, _ = healed(tmp_path, "rss-no-date")
    (label,) = [label for label in result.labels if label.startswith("workaround: ")]
    assert "where data is missing" in label
    report = (Path(result.folder) / "report.md").read_text()
    head = report.partition("## Next step")[0]
    assert label in head
    assert "| risk | where data is missing" in head
    words = ["git", "log", "-1", "--format=%B", str(result.branch)]
    message = subprocess.run(
        words, cwd=tmp_path / "marketswarm", capture_output=True, text=True, check=True
    ).stdout
    assert label in " ".join(message.split())
    assert "Risk: where data is missing" in message
    told = io.StringIO()
    show_result(Console(file=told, width=200), result)
    assert f"label  {label}" in told.getvalue()
    assert "risk  where data is missing" in told.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("vigil-relative-move", "+        if not self.prev_close:"),
        ("vigil-module-lost", "+class EventPublisher:"),
        ("copilot-shared-rename", "+from shared.redis_io import connect, listen, publish, write_model"),
        ("copilot-task-group", "+    changes = [change for change in changes if change is not None]"),
        ("massive-worker-dead", '+            "days_to_expiry": days_to_expiry(contracts[0]["expiration"]),'),
        ("massive-zero-gamma", '+                    if gex["zero_gamma"] is not None'),
        ("journal-route-signature", '+        route("/api/trades", self.create_trade, "POST")'),
        ("vexy-voice-renamed", '+EVENT_VOICES = {"price_move": "spotter", "vix_spike": "anchor", "level_cross": "analyst"}'),
        ("vexy-circular-import", "+    from services.vexy_ai.intel.playbyplay import shorten"),
        ("rss-no-date", "+    if item.published is None:"),
        ("rss-service-name", '+SERVICE_NAME = "rss_agg"'),
        ("rss-backoff-type", "+    return min(pause * 2, float(longest))"),
        ("content-name-error", '+BROKEN_KEY = "content:broken"'),
        ("content-poisoned-log", '+            weight = float(article.get("weight", 1.0)) * self.quality(article)'),
        ("content-single-source", "+        if not pairs:"),
        ("mesh-beat-without-pid", '+        if payload.get("pid") is not None'),
    ],
)  # fmt: skip
def test_what_is_mechanical_is_mended(tmp_path: Path, name: str, line: str) -> None:
    result, diff = healed(tmp_path, name)
    assert result.outcome == "branch", result.summary
    assert line in diff.splitlines()
    assert result.steps <= 12
    (rung,) = [one for one in result.proof if one.name == "regression test"]
    assert rung.state == "shown", rung.detail


NO_VERDICT = {"copilot-huge-log", "copilot-redis-replica", "vigil-decimal-comma"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [f.id for f in FAULTS.values() if f.group != "fixable" and f.id != "content-poisoned-log"],
)
def test_nothing_else_ends_with_a_branch(tmp_path: Path, name: str) -> None:
    result, _ = healed(tmp_path, name)
    # A fault of the code that no rule mends, or that triage is not sure of, is a diagnosis and no verdict.
    assert result.outcome == ("diagnosed" if name in NO_VERDICT else "not_fixable")
    assert result.diagnosis is not None
    assert result.branch is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["copilot-huge-log", "copilot-mel-empty", "copilot-alert-target", "sse-first-day"]
)
def test_what_the_rules_cannot_do_is_said_and_not_guessed(tmp_path: Path, name: str) -> None:
    result, _ = healed(tmp_path, name)
    assert (result.outcome, result.branch) == ("diagnosed", None)
    assert "rule-based, no model" in result.summary
    assert result.diagnosis is not None and result.diagnosis.fixable, "whose fault it is stays what it was"
    # The last resort is to take a change back: without a test that shows the crash it is no repair.
    tried = (Path(result.folder) / "patch.diff").exists()
    assert tried == (name == "copilot-huge-log")
    assert ("tried, none proven" in result.summary) == tried, result.summary


@pytest.mark.slow
def test_without_the_rules_of_history_a_lost_file_stays_lost(tmp_path: Path) -> None:
    result, _ = healed(tmp_path, "vigil-module-lost", Builtin(history=False))
    assert result.branch is None
