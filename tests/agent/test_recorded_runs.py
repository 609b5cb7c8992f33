"""Recorded model runs, replayed: the model's words are old, everything else happens again. No network."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.events import Event, Noted
from agent.heal import Plan, heal
from agent.model.cassette import CassetteMiss, read_head
from agent.models import models_for
from agent.result import HealResult
from agent.settings import SandboxSettings, Settings
from agent.store import Store
from evals.cases import INCIDENTS
from evals.demo import CASSETTES
from evals.testbed.faults import FAULTS
from evals.testbed.repository import git, make_repository
from tools.incident import IncidentFolder


@dataclass(frozen=True, slots=True)
class Recorded:
    """A cassette, what came of the run when it was recorded, and the API it spoke."""

    name: str
    outcome: str
    api: str


RUNS = (
    Recorded("copilot-shared-rename", "branch", "chat"),
    Recorded("rss-no-date", "branch", "responses"),
    Recorded("healer-null-heartbeat", "branch", "responses"),
)
QUICKEST = "healer-null-heartbeat"


@dataclass(slots=True)
class Run:
    """A replay and everything that it told."""

    result: HealResult
    events: list[Event]
    repo: Path
    unplayed: int = 0


def replayed(folder: Path, name: str, *, incident: str | None = None) -> Run:
    """Heal a recorded incident with a recorded model."""
    fault = FAULTS[incident or name]
    repo = make_repository(folder / "marketswarm").path
    commit = fault.apply(repo)
    source = folder / "incident"
    shutil.copytree(INCIDENTS / fault.id, source)
    file = source / "incident.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "commit": commit}))
    store = Store(folder / "state")
    store.prepare()
    settings = Settings(
        repo=repo,
        python=Path(sys.executable),
        cassette=CASSETTES / f"{name}.yaml",
        sandbox=SandboxSettings(test_runs=1),
    )
    events: list[Event] = []
    with models_for(settings, by_name=False) as choose:
        result = heal(store.add(IncidentFolder(source)), store, settings, Plan(choose), events.append)
    return Run(result, events, repo)


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(run, id=run.name, marks=[] if run.name == QUICKEST else [pytest.mark.slow])
        for run in RUNS
    ],
)
def test_a_recorded_run_ends_as_it_did(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("XAI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    run = replayed(tmp_path, recorded.name)
    assert run.result.outcome == recorded.outcome, run.result.summary
    head = read_head(CASSETTES / f"{recorded.name}.yaml")
    assert {spec.api for spec in head.specs} == {recorded.api}
    assert any(
        "recording" in event.text and head.answered_by in event.text
        for event in run.events
        if isinstance(event, Noted)
    )
    assert not any("grok" in model or "gpt" in model for model in run.result.models), (
        "what really answered is told"
    )
    touched = git(run.repo, "diff", "--name-only", "HEAD", str(run.result.branch)).split()
    assert touched
    assert all(path.startswith(f"services/{run.result.service}/") for path in touched)


@pytest.mark.slow
def test_one_recorded_run_falls_over_from_the_first_model_to_the_second(tmp_path: Path) -> None:
    run = replayed(tmp_path, "rss-no-date")
    head = read_head(CASSETTES / "rss-no-date.yaml")
    assert len(head.specs) == 2
    assert run.result.models == (head.specs[1].id,)
    assert any(head.specs[0].id in event.text for event in run.events if isinstance(event, Noted))


def test_another_incident_is_a_miss_that_shows_the_first_difference(tmp_path: Path) -> None:
    with pytest.raises(CassetteMiss, match="differs from the recorded one"):
        replayed(tmp_path, "rss-no-date", incident="vigil-relative-move")


@pytest.mark.parametrize("cassette", sorted(CASSETTES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_recording_says_what_answered_and_holds_no_path_of_a_machine(cassette: Path) -> None:
    assert "not grok-4" in read_head(cassette).answered_by
    text = cassette.read_text()
    for place in (str(Path.home()), "/work/", "/tmp/", "Authorization", "Bearer"):
        assert place not in text, place
