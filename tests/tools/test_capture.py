"""Captures of real checkouts and real Redis servers: what is kept, how, and what never is."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.capture import Heard, Site, capture_now, find_site, site_of, sweep_partial, take, write_incident
from tools.health import Health, HealthCollector
from tools.incident import IncidentError, IncidentFolder
from tools.redact import Redactor
from tools.truth import from_document

SECRET = "mk-live-7f3a9c51d2"
VIGIL = {
    "inputs": {
        "redis": [
            {"bus": "market-redis", "kind": "channel", "name": "massive:spot"},
            {"bus": "market-redis", "kind": "key", "name": "massive:spot"},
            {"bus": "market-redis", "kind": "key", "name": "massive:heatmap:model:{symbol}:latest"},
            {"bus": "market-redis", "kind": "stream", "name": "ticks"},
            {"bus": "market-redis", "kind": "list", "name": "jobs"},
        ]
    },
    "dependencies": ["massive"],
    "env": {"VIGIL_API_KEY": SECRET, "OTHER_KEY": "${OTHER_KEY}"},
}


def run_git(root: Path, *args: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    done = subprocess.run(["git", *identity, *args], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path):
    """A checkout with one service, its log, and a file that was changed since the commit."""
    root = tmp_path / "MarketSwarm"
    (root / "services" / "vigil").mkdir(parents=True)
    (root / "services" / "vigil" / "main.py").write_text("print('one')\n")
    (root / "truth" / "components").mkdir(parents=True)
    (root / "truth" / "components" / "vigil.json").write_text(json.dumps(VIGIL))
    (root / ".gitignore").write_text("logs/\n.env\n")
    run_git(root, "init", "-q", "-b", "main")
    run_git(root, "add", ".")
    run_git(root, "commit", "-q", "-m", "first")
    (root / "services" / "vigil" / "main.py").write_text("print('two')\n")
    (root / "services" / "vigil" / "new.py").write_text("")
    (root / "logs").mkdir()
    (root / "logs" / "vigil.log").write_text(
        f"[12:00:00][vigil][ERROR] GET /x?apiKey={SECRET}\nKeyError: 'SPX'\n"
    )
    (root / "logs" / "massive.log").write_text("all well\n")
    return root


@pytest.fixture
def market(redis_server):
    return redis_server()


def site(root: Path, market_url: str) -> Site:
    truth = from_document({"buses": {"market-redis": {"url": market_url}}, "components": {"vigil": VIGIL}})
    return site_of(root, truth, "redis://127.0.0.1:1", "redis")


def captured(site: Site, state: Path, messages: tuple[Heard, ...] = ()) -> IncidentFolder:
    evidence = take("vigil", site, Health(ts=time.time()), messages, pid=4321)
    return IncidentFolder(write_incident(evidence, state, "service_down", Redactor(site.secrets())).path)


def test_an_incident_says_what_was_checked_out_and_what_differs(root, market, tmp_path):
    incident = captured(site(root, market.url), tmp_path / "state").incident()
    assert incident.commit == run_git(root, "rev-parse", "HEAD")
    assert incident.dirty == ("services/vigil/main.py", "services/vigil/new.py")
    assert (incident.service, incident.trigger, incident.pid) == ("vigil", "service_down", 4321)
    assert incident.id.startswith("vigil-20")


def test_values_are_captured_typed_with_wildcards_and_by_their_last_entries(root, market, tmp_path):
    client = market.client()
    client.set("massive:spot", '{"SPX": 1}', ex=60)
    client.set("massive:heatmap:model:SPX:latest", "{}")
    client.hset("massive:heatmap:model:NDX:latest", mapping={"a": "1"})
    client.set("massive:other", "not asked for")
    client.rpush("jobs", *range(80))
    for number in range(60):
        client.xadd("ticks", {"n": number})
    values = captured(site(root, market.url), tmp_path / "state").redis_values()["market-redis"]
    assert set(values) == {
        "massive:spot",
        "massive:heatmap:model:SPX:latest",
        "massive:heatmap:model:NDX:latest",
        "jobs",
        "ticks",
    }
    assert values["massive:spot"].value == '{"SPX": 1}'
    assert 0 < values["massive:spot"].ttl <= 60
    assert values["massive:heatmap:model:NDX:latest"].value == {"a": "1"}
    assert values["jobs"].value[-1] == "79" and len(values["jobs"].value) == 50
    assert values["ticks"].value[-1][1] == {"n": "59"} and len(values["ticks"].value) == 50


def test_every_type_of_value_and_bytes_that_are_no_text(root, market, tmp_path):
    client = market.client()
    client.sadd("jobs", "b", "a")
    client.zadd("ticks", {"x": 1.5})
    client.set("massive:spot", b"\xff\xfe")
    values = captured(site(root, market.url), tmp_path / "state").redis_values()["market-redis"]
    assert values["jobs"].value == ["a", "b"]
    assert values["ticks"].value == [["x", 1.5]]
    assert values["massive:spot"].value == "��"


def test_a_value_beyond_the_cap_is_cut_and_says_so(root, market, tmp_path):
    market.client().set("massive:spot", "x" * (2 << 20))
    folder = captured(site(root, market.url), tmp_path / "state")
    raw = json.loads((folder.path / "redis.json").read_text())["market-redis"]["massive:spot"]
    assert raw["cut"] is True and len(raw["value"]) == 1 << 20


def test_no_secret_is_in_any_file_of_a_capture(root, market, tmp_path):
    (root / ".env").write_text("export DB_PASSWORD='zebra-crossing-77'\n")
    market.client().set("massive:spot", json.dumps({"url": f"https://x/?k={SECRET}"}))
    heard = (Heard("market-redis", "massive:spot", f"token zebra-crossing-77 {SECRET}", 1.0),)
    folder = captured(site(root, market.url), tmp_path / "state", heard)
    text = "".join(path.read_text() for path in folder.path.rglob("*") if path.is_file())
    assert SECRET not in text and "zebra-crossing-77" not in text
    assert "KeyError: 'SPX'" in folder.log.read_text()
    assert folder.truth()["env"]["OTHER_KEY"] == "${OTHER_KEY}"
    assert len(folder.truth()["env"]["VIGIL_API_KEY"]) == len(SECRET)
    assert len(folder.messages()) == 1


def test_logs_of_dependencies_are_kept_and_big_logs_by_their_end(root, market, tmp_path):
    with (root / "logs" / "vigil.log").open("w") as log:
        log.writelines(f"line {number} of a long log\n" for number in range(100_000))
    folder = captured(site(root, market.url), tmp_path / "state")
    lines = folder.log.read_text().splitlines()
    assert lines[-1] == "line 99999 of a long log" and lines[0].startswith("line ")
    assert folder.log.stat().st_size <= 512 << 10
    assert folder.other_log("massive").read_text() == "all well\n"


def test_only_the_owner_can_read_a_capture(root, market, tmp_path):
    old = os.umask(0)
    try:
        folder = captured(site(root, market.url), tmp_path / "state" / "incidents")
    finally:
        os.umask(old)
    for path in folder.path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "state" / "incidents").stat().st_mode) == 0o700


def test_a_frozen_redis_costs_less_than_a_second(root, market, tmp_path):
    market.freeze()
    started = time.monotonic()
    folder = captured(site(root, market.url), tmp_path / "state")
    assert time.monotonic() - started < 2
    assert folder.redis_values() == {}


@pytest.mark.parametrize("kind", ["missing", "fifo", "link", "folder"])
def test_a_log_that_is_no_file_is_an_empty_log(root, market, tmp_path, kind):
    log = root / "logs" / "vigil.log"
    log.unlink()
    {
        "missing": lambda: None,
        "fifo": lambda: os.mkfifo(log),
        "link": lambda: log.symlink_to("/etc/passwd"),
        "folder": log.mkdir,
    }[kind]()
    assert captured(site(root, market.url), tmp_path / "state").log.read_text() == ""


def test_a_log_that_was_just_rotated_is_still_had(root, market, tmp_path):
    (root / "logs" / "vigil.log").rename(root / "logs" / "vigil.log.1")
    (root / "logs" / "vigil.log").write_text("")
    assert "KeyError: 'SPX'" in captured(site(root, market.url), tmp_path / "state").log.read_text()


def test_what_a_killed_capture_left_is_swept_and_incidents_are_kept(root, market, tmp_path):
    folder = captured(site(root, market.url), tmp_path / "incidents")
    (tmp_path / "incidents" / ".capture-vigil-x").mkdir()
    sweep_partial(tmp_path / "incidents")
    assert [path.name for path in (tmp_path / "incidents").iterdir()] == [folder.incident().id]


def test_capture_by_hand_takes_live_truth_and_health(root, redis_server, tmp_path):
    system, market = redis_server(), redis_server()
    document = {"buses": {"market-redis": {"url": market.url}}, "components": {"vigil": VIGIL}}
    system.client().set("truth", json.dumps(document))
    system.client().set("vigil:heartbeat", json.dumps({"ts": time.time()}), ex=15)
    market.client().set("massive:spot", "1")
    folder = capture_now("vigil", root, tmp_path / "state", system.url)
    assert folder.path.parent == tmp_path / "state" / "incidents"
    assert folder.incident().trigger == "manual"
    assert folder.snapshot().heartbeats["vigil"].alive is True
    assert folder.snapshot().redis["market-redis"].alive is True
    assert folder.redis_values()["market-redis"]["massive:spot"].value == "1"


def test_truth_comes_from_redis_then_from_the_checkout(root, redis_server):
    system = redis_server()
    assert find_site(root, system.url).truth_from == "checkout"
    system.client().set("truth", '{"components": {"mesh": {}}}')
    assert find_site(root, system.url).truth.services == ("mesh",)
    system.client().set("truth", "{")
    assert find_site(root, system.url).truth.services == ("vigil",)
    assert find_site(root / "nowhere", system.url).truth_from == "table"


def test_a_service_that_nobody_knows_and_a_folder_that_is_no_repository(root, tmp_path):
    with pytest.raises(IncidentError, match="there are vigil"):
        capture_now("../vigil", root, tmp_path / "state", "redis://127.0.0.1:1")
    (tmp_path / "plain" / "services" / "vigil").mkdir(parents=True)
    with pytest.raises(IncidentError, match="git repository"):
        capture_now("vigil", tmp_path / "plain", tmp_path / "state", "redis://127.0.0.1:1")


def test_the_watch_does_not_pay_for_pydantic():
    code = (
        "import sys, tools.capture; print(sorted({'pydantic', 'openai', 'git', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_snapshot_of_a_capture_reads_back(root, redis_server, tmp_path):
    system = redis_server()
    truth = from_document({"components": {"vigil": VIGIL}})
    collector = HealthCollector(root, truth, {"system-redis": system.url})
    evidence = take("vigil", site_of(root, truth, system.url, "redis"), collector.collect())
    collector.close()
    folder = IncidentFolder(write_incident(evidence, tmp_path, "crash_loop", Redactor()).path)
    assert folder.snapshot().heartbeats["vigil"].status == "dead"
    assert folder.snapshot().disk_free_mb > 0
