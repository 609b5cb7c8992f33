"""kill -9 around push and pull request: the next run goes on, and nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.events import Event, PublishFailed
from agent.publish import NothingToPublish, Patience, deliver_again, interrupted, keep, take_up
from agent.settings import PublishSettings
from agent.store import Run, Store
from tools.incident import IncidentFolder

MOMENTS = (
    pytest.param("PushIntended", marks=pytest.mark.slow),
    "Pushed",
    "PullRequestIntended",
    pytest.param("PullRequestOpened", marks=pytest.mark.slow),
)
DELIVER = """
import os, signal, sys
from pathlib import Path
from agent.publish import Carrier, publication_of
from agent.settings import PublishSettings
from agent.store import Run

folder, commit, settings, last = sys.argv[1:]
run = Run(Path(folder), 1)

def emit(event):
    run.append(event)
    if event.kind == last:
        os.kill(os.getpid(), signal.SIGKILL)

publication = publication_of(run)
Carrier(publication, commit, PublishSettings.model_validate_json(settings), run.path, emit).deliver()
"""


@pytest.fixture
def store(tmp_path: Path, place: Any) -> Store:
    """A store with one incident and a run that has made its branch."""
    store = Store(tmp_path / "state")
    store.prepare()
    incident = tmp_path / "state" / "incidents" / "vigil-1"
    incident.mkdir()
    (incident / "incident.json").write_text(
        json.dumps({"id": "vigil-1", "service": "vigil", "commit": place.base})
    )
    keep(store.open_run(IncidentFolder(incident)), place.publication)
    return store


def folder_of(store: Store) -> IncidentFolder:
    return store.find("vigil-1")


@pytest.mark.parametrize("last", MOMENTS)
def test_a_killed_delivery_goes_on_to_exactly_one_request(
    place: Any, store: Store, start_forge: Any, last: str
) -> None:
    forge = start_forge("github" if last != "PullRequestIntended" else "gitlab")
    settings = PublishSettings(remote="origin", forge=forge.kind, project="swarm/market", api=forge.url)
    run = store.runs(folder_of(store))[0]
    argv = [sys.executable, "-c", DELIVER, str(run.path), place.commit, settings.model_dump_json(), last]
    killed = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert killed.returncode == -9, killed.stderr
    assert run.journal()[-1]["event"] == last, "it is on the disk before what it announces"

    left = interrupted(store, folder_of(store))
    assert left is not None
    publication, commit = left
    assert (publication, commit) == (place.publication, place.commit)
    events: list[Event] = []
    again = store.open_run(folder_of(store))
    published = take_up(publication, commit, again, settings, events.append)
    assert not any(isinstance(event, PublishFailed) for event in events)
    assert published.delivery.pushed
    assert published.delivery.pull_request is not None
    assert len(forge.requests) == 1
    assert place.remote_branch() == place.commit
    assert [ref for ref in place.refs(place.bare) if "autoheal" in ref] == [publication.ref]


def test_a_run_that_told_its_end_is_not_taken_up(store: Store, place: Any) -> None:
    run = store.runs(folder_of(store))[0]
    run.write("result.json", json.dumps({"outcome": "branch"}))
    assert interrupted(store, folder_of(store)) is None


def test_a_run_that_crashed_after_its_branch_is_taken_up(store: Store, place: Any) -> None:
    store.runs(folder_of(store))[0].write("result.json", json.dumps({"outcome": "failed"}))
    store.open_run(folder_of(store))
    assert interrupted(store, folder_of(store)) == (place.publication, place.commit)


def test_without_its_branch_there_is_nothing_to_take_up(store: Store, place: Any) -> None:
    place.git("update-ref", "-d", place.publication.ref)
    assert interrupted(store, folder_of(store)) is None


def test_a_branch_that_somebody_changed_is_not_taken_for_ours(store: Store, place: Any) -> None:
    other = place.git("commit-tree", "-p", place.base, "-m", "somebody's", f"{place.base}^{{tree}}")
    place.git("update-ref", place.publication.ref, other)
    assert interrupted(store, folder_of(store)) is None


def test_half_a_publication_is_none(store: Store) -> None:
    (store.runs(folder_of(store))[0].path / "publication.json").write_text('{"target": "/x"')
    assert interrupted(store, folder_of(store)) is None


def test_an_ended_run_is_brought_further_once_a_person_approves(
    place: Any, store: Store, start_forge: Any
) -> None:
    forge = start_forge("github")
    waiting = PublishSettings(
        remote="origin", forge="github", project="swarm/market", api=forge.url, approval=True
    )
    run = store.runs(folder_of(store))[0]
    run.write("result.json", json.dumps({"outcome": "branch", "pushed": False, "pull_request": None}))
    events: list[Event] = []
    assert not deliver_again(run, waiting, events.append).pushed
    delivery = deliver_again(run, waiting, events.append, approved=True)
    assert delivery.pull_request is not None
    told = run.result()
    assert told is not None
    assert told["outcome"] == "branch"
    assert told["pushed"] is True
    assert told["pull_request"] == delivery.pull_request
    assert [line["event"] for line in run.journal()] == [event.kind for event in events]
    assert deliver_again(run, waiting, events.append, approved=True).pull_request == delivery.pull_request
    assert len(forge.requests) == 1


def test_a_branch_that_is_gone_cannot_be_brought_further(place: Any, store: Store) -> None:
    place.git("update-ref", "-d", place.publication.ref)
    with pytest.raises(NothingToPublish, match="run 1"):
        deliver_again(store.runs(folder_of(store))[0], PublishSettings(remote="origin"), lambda event: None)


def test_a_remote_that_is_away_leaves_the_branch_and_the_commands(
    place: Any, store: Store, free_port: Any
) -> None:
    place.git("remote", "set-url", "origin", f"http://127.0.0.1:{free_port()}/m.git")
    place.git("update-ref", "-d", "refs/remotes/origin/main")
    events: list[Event] = []
    run: Run = store.open_run(folder_of(store))
    settings = PublishSettings(
        remote="origin", forge="github", project="swarm/market", api="https://x.invalid"
    )
    published = take_up(place.publication, place.commit, run, settings, events.append, Patience(2, 0.01))
    assert not published.delivery.pushed
    (failed,) = [event for event in events if isinstance(event, PublishFailed)]
    assert "origin cannot be reached" in failed.text
    push, request = published.delivery.by_hand
    assert push.startswith("git push origin refs/heads/autoheal/vigil/vigil-1")
    assert str(run.path / "pull_request.md") in request
    assert (run.path / "pull_request.md").read_text() == place.publication.body
    assert place.refs()[place.publication.ref] == place.commit
