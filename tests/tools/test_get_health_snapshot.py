"""What the model reads of the captured health: the exceptions, whose they are, and what follows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from sandbox.worktree import PrivateRepository
from tools.get_health_snapshot import GetHealthSnapshot
from tools.incident import IncidentFolder
from tools.redact import Redactor
from tools.repository import Repository
from tools.tool import RESULT_CHARACTERS, ToolError, Workbench

UP = {"alive": True, "total_keys": 40, "uptime_seconds": 90000}
DOWN = {"alive": False, "error": "Connection refused"}
HEALTHY = {"alive": True, "status": "healthy", "pid_alive": True, "pid": 7}
NOW = 1_795_350_615.0


def dead(seconds_ago: float) -> dict:
    return {"alive": False, "status": "dead", "pid_alive": False, "last_ts": NOW - seconds_ago}


def snapshot(**changes: dict) -> dict:
    """All well but vigil, which is dead; `changes` are merged in by section."""
    whole = {
        "ts": NOW,
        "redis": {"system-redis": UP, "market-redis": UP, "intel-redis": UP},
        "heartbeats": {"massive": HEALTHY, "vigil": dead(20), "mesh": HEALTHY},
        "http_health": {},
    }
    return {section: {**part, **changes.get(section, {})} if isinstance(part, dict) else part
            for section, part in whole.items()} | {k: v for k, v in changes.items() if k not in whole}  # fmt: skip


@pytest.fixture
def root(tmp_path) -> Path:
    root = tmp_path / "repo"
    (root / "services" / "vigil").mkdir(parents=True)
    (root / "services" / "vigil" / "main.py").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, "add", "."], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "first"], cwd=root, check=True)
    return root


@pytest.fixture
def ask(root, tmp_path):
    """Ask the tool about a snapshot; the documentation's table is the Truth, as the commit has none."""

    def ask(health: object, service: str | None = None, component: dict | None = None) -> str:
        folder = tmp_path / "incident"
        folder.mkdir(exist_ok=True)
        if health is not None:
            (folder / "snapshot.json").write_text(json.dumps(health))
        if component is not None:
            (folder / "truth.json").write_text(json.dumps(component))
        bench = Workbench(
            IncidentFolder(folder),
            "vigil",
            Repository(root),
            PrivateRepository(root, tmp_path / "state"),
            Redactor(),
        )
        return GetHealthSnapshot(service=service).answer(bench)

    return ask


def test_all_well_says_so_and_points_at_the_services_own_code(ask):
    text = ask(snapshot())
    assert "everything that vigil depends on was up" in text
    assert "Not well" not in text and "Not known" not in text
    assert "Well, and it depends on it: system-redis, market-redis, massive" in text
    assert "mesh" not in text
    assert len(text) < 700


def test_a_bus_that_is_down_comes_first_and_clears_the_code(ask):
    text = ask(snapshot(redis={"market-redis": DOWN}))
    assert "- market-redis: down: Connection refused" in text
    assert "Meaning: market-redis was down. If the crash comes from what is missing there" in text


def test_a_bus_that_the_service_does_not_use_is_told_apart(ask):
    text = ask(snapshot(redis={"intel-redis": DOWN}))
    assert "nothing that it depends on:\n- intel-redis: down" in text
    assert "everything that vigil depends on was up" in text


def test_an_upstream_that_died_first_is_told_with_its_time(ask):
    text = ask(snapshot(heartbeats={"massive": dead(75)}))
    assert (
        "- massive: dead: no heartbeat, last beat 2026-11-22 12:29:00 UTC (75 s before the snapshot)" in text
    )
    assert "massive was down (massive before vigil was)" in text


def test_an_upstream_that_died_later_is_not_called_first(ask):
    text = ask(snapshot(heartbeats={"massive": dead(5)}))
    assert "before vigil was" not in text and "massive was down" in text


def test_what_is_unknown_is_said_plainly(ask):
    text = ask(
        snapshot(
            redis={"market-redis": {"alive": None, "error": "did not answer within 1 s"}},
            heartbeats={"massive": {"status": "unknown"}},
        )
    )
    assert "Not known, and vigil depends on it:" in text
    assert "whether market-redis and massive was up is not known" in text


def test_a_dependency_that_the_snapshot_lacks_is_unknown(ask):
    health = snapshot()
    del health["heartbeats"]["massive"]
    assert "- massive: the snapshot does not have it" in ask(health)


@pytest.mark.parametrize(
    ("bus", "words"),
    [
        ({**UP, "uptime_seconds": 12}, "started 12 s before the snapshot"),
        ({**UP, "maxmemory": 1 << 20, "used_memory_mb": 1.0}, "out of memory"),
        ({**UP, "total_keys": 0}, "holds no key at all"),
        ({**UP, "role": "slave"}, "read-only replica"),
        ({**UP, "error": "LOADING Redis is loading"}, "LOADING"),
    ],
)
def test_a_bus_that_is_up_and_not_well(ask, bus, words):
    text = ask(snapshot(redis={"market-redis": bus}))
    assert words in text and "nothing that vigil needs was down, but market-redis was not well" in text


def test_servers_that_are_all_young_say_nothing(ask):
    young = {**UP, "uptime_seconds": 4}
    text = ask(snapshot(redis=dict.fromkeys(("system-redis", "market-redis", "intel-redis"), young)))
    assert "everything that vigil depends on was up" in text


def test_http_and_mysql_of_what_it_depends_on(ask):
    health = snapshot(
        heartbeats={"journal": HEALTHY, "vexy_ai": HEALTHY},
        http_health={"journal": {"reachable": True, "healthy": False, "status_code": 500}},
        mysql={"alive": False, "error": "Connection refused"},
        disk_free_mb=12.0,
    )
    text = ask(health, "sse")
    assert "- mysql: down: Connection refused" in text
    assert "- journal: healthy; its HTTP health endpoint is not well: status 500" in text
    assert "- disk: only 12 MB are free" in text


def test_the_component_that_was_captured_counts_for_what_it_depends_on(ask):
    component = {"inputs": {"redis": [{"bus": "intel-redis", "key": "rss:latest"}]}, "dependencies": []}
    text = ask(snapshot(redis={"intel-redis": DOWN}), component=component)
    assert "intel-redis was down" in text


def test_another_service_may_be_asked_about_and_an_unknown_one_is_refused(ask):
    assert "mesh itself: healthy" in ask(snapshot(), "mesh")
    with pytest.raises(ToolError, match="there is no service 'nobody'; there are"):
        ask(snapshot(), "nobody")


@pytest.mark.parametrize("health", [None, {}, {"ts": 1e300, "redis": {}}])
def test_no_snapshot_is_no_knowledge(ask, health):
    text = ask(health)
    assert "no health was captured" in text


def test_a_snapshot_with_foreign_fields_is_read(ask):
    health = snapshot(redis={"market-redis": {**UP, "shards": 4}}, extra={"a": 1})
    assert "everything that vigil depends on was up" in ask(health)


def test_a_snapshot_of_many_services_stays_bounded(ask):
    many = {f"service_{number}": dead(number) for number in range(2000)}
    assert len(ask(snapshot(heartbeats=many))) <= RESULT_CHARACTERS


@pytest.mark.parametrize(
    "arguments", ["{}", '{"service": 1}', '{"service": null, "x": 1}', '{"service": true}']
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValidationError):
        GetHealthSnapshot.model_validate_json(arguments)
