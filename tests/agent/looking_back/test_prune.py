"""`autohealer prune`: what goes, what stays, and nothing by accident."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent.prune import sweep
from agent.watch.tickets import Ticket, write_ticket

ALL = {"vigil-1", "vigil-2", "mesh-1", "sse-1", "sse-2"}


def pruned(history, *words: str) -> dict[str, str | None]:
    told = json.loads(history.cli("prune", "--json", *words).output)
    return {row["id"]: row["kept"] for row in told["incidents"]}


def test_by_default_nothing_is_removed_but_shown(past):
    told = past.cli("prune", "--older-than", "1")
    assert told.exit_code == 0
    assert "3 incidents" in told.output
    assert "--yes does it" in told.output
    assert past.names() == ALL
    assert pruned(past) == {}, "ninety days are the bound that nobody set"


def test_an_open_branch_and_a_no_are_kept(past):
    decisions = pruned(past, "--older-than", "1", "--yes")
    assert list(decisions) == ["vigil-1", "vigil-2", "mesh-1", "sse-1", "sse-2"], "the oldest first"
    assert decisions["vigil-2"] == "autoheal/vigil/vigil-2 is open"
    assert "thirty days" in str(decisions["mesh-1"])
    assert past.names() == {"vigil-2", "mesh-1"}
    assert "autoheal/vigil/vigil-2" in past.git("branch", "--list")


def test_force_takes_an_open_branchs_incident_and_leaves_the_branch(past):
    assert pruned(past, "--older-than", "1", "--yes", "--force")["vigil-2"] is None
    assert past.names() == {"mesh-1"}
    assert "autoheal/vigil/vigil-2" in past.git("branch", "--list")


def test_more_than_the_count_go_the_oldest_first(past):
    assert pruned(past, "--keep", "2", "--yes", "--force") == {
        "vigil-1": None,
        "vigil-2": None,
        "mesh-1": "its branch was taken away unmerged: that is a no for thirty days",
    }
    assert past.names() == {"mesh-1", "sse-1", "sse-2"}


def test_where_the_repository_is_not_found_a_branch_counts_as_open(past, tmp_path):
    kept = pruned(past, "--older-than", "1", "--repo", str(tmp_path / "nowhere"))["vigil-1"]
    assert "not known" in str(kept)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_is_being_healed_stays_whatever_is_asked(history, state):
    history.ticket(history.incident("vigil-1", timedelta(days=300)), state, timedelta(days=300))
    assert pruned(history, "--yes", "--force", "--keep", "0") == {"vigil-1": f"it is {state}"}


def test_what_happened_within_a_day_stays(history):
    history.incident("vigil-1", timedelta(hours=3))
    recorded_long_ago = history.incident("vigil-2", timedelta(days=300))
    history.ticket(recorded_long_ago, "ended", timedelta(hours=1))
    kept = pruned(history, "--yes", "--force", "--keep", "0")
    assert kept.keys() == {"vigil-1", "vigil-2"}
    assert all("for a day" in str(why) for why in kept.values())


def test_a_service_that_is_held_by_a_run_stays(history):
    history.incident("vigil-1", timedelta(days=300))
    with history.store.hold("vigil"):
        assert pruned(history, "--yes") == {"vigil-1": "vigil is being healed"}
    assert history.names() == {"vigil-1"}


def test_a_removal_that_was_cut_short_is_finished_by_the_next(history):
    half = history.store.root / ".pruned-vigil-1"
    (half / "runs").mkdir(parents=True)
    assert history.names() == set()
    assert history.cli("prune", "--yes").exit_code == 0
    assert not half.exists()
    sweep(history.store)


def test_a_ticket_of_a_pruned_incident_is_not_written_again(history):
    gone = history.store.root / "incidents"
    write_ticket(gone, Ticket("vigil-9", "vigil", "healed"))
    assert list(gone.iterdir()) == []


def test_links_in_the_state_are_not_followed(history, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("x" * 5000)
    incident = history.incident("vigil-1", timedelta(days=300))
    (incident.path / "runs").symlink_to(outside)
    told = json.loads(history.cli("prune", "--json", "--yes").output)
    assert told["incidents"][0]["bytes"] < 5000
    assert (outside / "kept.txt").exists()
    assert history.names() == set()
