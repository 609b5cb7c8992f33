"""Rows of the watch: what it costs at rest, and how soon it sees a death."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from evals.bench.row import Row
from evals.testbed.cluster import Cluster
from evals.testbed.repository import make_repository

SERVICES = ("massive", "vigil", "copilot", "mesh")
SETTLE_S = 4.0
REST_S = 20.0
LONGEST_S = 30.0
VICTIM = "mesh"


def watch_rows(folder: Path) -> Iterator[Row]:
    """A watch of four services on three Redis servers, at its default interval; it heals nothing."""
    repo = make_repository(folder / "watch-marketswarm").path
    with Cluster(folder / "watch-run", repo) as cluster:
        cluster.start(*SERVICES)
        watch = _watch(folder, cluster)
        process = psutil.Process(watch.pid)
        time.sleep(SETTLE_S)
        before = sum(process.cpu_times()[:2])
        time.sleep(REST_S)
        share = (sum(process.cpu_times()[:2]) - before) / REST_S * 100
        yield Row("the watch at rest", share, 0.5, "% of a core")
        yield Row("the watch at rest, memory", process.memory_info().rss / 2**20, 40.0, "MiB")
        yield Row("a death is told after key and process are gone", _seen_after_s(cluster, watch), 1.0, "s")
        watch.send_signal(signal.SIGTERM)
        watch.wait(timeout=15)


def _watch(folder: Path, cluster: Cluster) -> subprocess.Popen[str]:
    """The watch as a process of its own, as `autohealer watch` starts it."""
    config = folder / "watch.toml"
    config.write_text(
        f'repo = "{cluster.repo}"\nstate = "{folder / "watch-state"}"\n'
        f'system_redis_url = "{cluster.urls["system-redis"]}"\n'
        f"[watch]\ndry_run = true\nservices = {json.dumps(SERVICES)}\n"
    )
    argv = [sys.executable, "-m", "agent.cli", "--config", str(config), "watch", "--json"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def _seen_after_s(cluster: Cluster, watch: subprocess.Popen[str]) -> float:
    """Seconds from the expiry of a killed service's key to the watch's word."""
    assert watch.stdout is not None
    cluster.kill(VICTIM)
    redis = cluster.redis("system-redis")
    while redis.exists(f"{VICTIM}:heartbeat"):
        time.sleep(0.005)
    gone = time.time()
    silence = threading.Timer(LONGEST_S, watch.kill)
    silence.start()
    try:
        for line in watch.stdout:
            said = json.loads(line)
            if said["event"] == "service_down" and said["service"] == VICTIM:
                return float(said["ts"]) - gone
    finally:
        silence.cancel()
    raise RuntimeError(f"the watch said nothing of a death for {LONGEST_S:g} s")
