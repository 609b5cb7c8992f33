"""A MarketSwarm of small real processes, and a watch beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pytest

from agent.watch import Signal, Watch, WatchConfig

SERVICE = """
import json, os, signal, sys, time
import redis
name, url, mode, ttl = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
print(f"Starting {name} at 2026-11-22 12:00:00", flush=True)
if mode == "crash":
    {}["SPX"]
if mode == "gives_up":
    print(f"[2026-11-22 12:00:01][{name}][ERROR] orchestrator internal error: no price for SPX", flush=True)
    print(f"[2026-11-22 12:00:01][{name}][INFO] shutting down", flush=True)
    print(f"[2026-11-22 12:00:01][{name}][INFO] stopped", flush=True)
    sys.exit(0)
def stop(number, frame):
    print(f"[2026-11-22 12:00:01][{name}][INFO] received SIGTERM, shutting down", flush=True)
    print(f"[2026-11-22 12:00:01][{name}][INFO] stopped", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
if mode == "slow":
    time.sleep(1.5)
client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
needed = redis.Redis.from_url(sys.argv[5], socket_timeout=1) if mode == "needs" else None
began = time.monotonic()
while True:
    payload = {"service": name, "ts": time.time(), "pid": os.getpid(), "status": "running"}
    if mode == "bare":
        payload = {"service": name}
    if mode == "skewed":
        payload["ts"] = (time.time() + 3600) * 1000
    if mode == "unwell":
        payload["status"] = "degraded"
    try:
        if mode != "mute":
            client.set(f"{name}:heartbeat", json.dumps(payload), px=int(ttl * 1000))
    except redis.RedisError:
        pass
    if needed is not None:
        needed.ping()
    if mode == "crash_soon" and time.monotonic() - began > 0.3:
        {}["SPX"]
    time.sleep(ttl / 5)
"""
HEAL = """
import json, pathlib, sys, time
state, seconds, incident = pathlib.Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
with (state / "heals.txt").open("a") as file:
    file.write(incident + "\\n")
time.sleep(seconds)
run = state / "incidents" / incident / "runs" / "1"
run.mkdir(parents=True, exist_ok=True)
(run / "result.json").write_text(json.dumps({"outcome": "branch"}))
"""
TTL_S = 1.0
SERVICES = ("massive", "vigil", "mesh", "copilot", "sse")


@dataclass
class Site:
    """A checkout with services that are small real processes, and a watch beside it."""

    root: Path
    state: Path
    system_url: str
    watch_options: dict[str, object] = field(default_factory=dict)
    heal_seconds: float = 0.0
    signals: list[Signal] = field(default_factory=list)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    standing: Watch | None = None

    def start(self, service: str, mode: str = "run", needs: str = "") -> subprocess.Popen[bytes]:
        """Start a service as its start-up script does: log appended, PID file written."""
        main = self.root / "services" / service / "main.py"
        argv = [sys.executable, str(main), service, self.system_url, mode, str(TTL_S), needs]
        with (self.root / "logs" / f"{service}.log").open("ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        (self.root / ".pids" / f"{service}.pid").write_text(f"{process.pid}\n")
        if service in self.processes:
            self.processes[service].wait(5)
        self.processes[service] = process
        return process

    def operator_stops(self, service: str) -> None:
        """SIGTERM, and the PID file taken away, as the stop script does."""
        self.processes[service].terminate()
        (self.root / ".pids" / f"{service}.pid").unlink()
        self.processes[service].wait(5)

    def watch(self, alerts: TextIO | None = None) -> None:
        options = {"interval_s": 0.1, "grace_s": 1.0, **self.watch_options}
        heal = (sys.executable, str(self.state / "heal.py"), str(self.state), str(self.heal_seconds))
        options = {"heal": heal, **options}
        config = WatchConfig(self.root, self.state, self.system_url, **options)
        self.stop = threading.Event()
        self.standing = Watch(config, self.signals.append, alerts)
        self.thread = threading.Thread(target=self.standing.run, args=(self.stop,))
        self.thread.start()

    def end_watch(self) -> None:
        if self.thread is not None:
            self.stop.set()
            self.standing.wake()
            self.thread.join(10)
            assert not self.thread.is_alive()
            self.thread = None

    def events(self, *kinds: str) -> list[tuple[str, str | None]]:
        return [(s.event, s.service or s.redis) for s in self.signals if not kinds or s.event in kinds]

    def saw(self, *expected: str, heals: int) -> None:
        """This and nothing else happened, in this order; `service_down vigil` is an event and its subject."""
        assert [f"{event} {about}" for event, about in self.events()] == list(expected)
        assert len(self.heals()) == heals

    def heals(self) -> list[str]:
        file = self.state / "heals.txt"
        return file.read_text().split() if file.exists() else []

    def until(self, condition: Callable[[], object], seconds: float = 8.0) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, f"never came: saw {self.events()}"
            time.sleep(0.02)

    def up(self, *services: str) -> None:
        """Start services and the watch, and wait until it has seen them beat."""
        for service in services:
            self.start(service)
        self.watch()
        time.sleep(0.8)

    def close(self) -> None:
        self.end_watch()
        for process in self.processes.values():
            process.kill()
            process.wait(5)


def component(*needs: str, buses: tuple[str, ...] = ()) -> dict[str, object]:
    beat = {"interval_sec": TTL_S / 5, "ttl_sec": TTL_S}
    reads = [{"bus": bus, "kind": "key", "name": "x"} for bus in buses]
    return {"heartbeat": beat, "dependencies": list(needs), "inputs": {"redis": reads}}


@pytest.fixture
def system(request, redis_server):
    """System-redis; parametrize it indirectly for options of the server."""
    return redis_server(*getattr(request, "param", ()))


@pytest.fixture
def publish_truth(system) -> Callable[..., None]:
    """Publish Truth: components by name, and more buses by keyword (`market_redis=url`)."""

    def publish(components: dict[str, object], **buses: str) -> None:
        urls = {"system-redis": system.url, **{name.replace("_", "-"): url for name, url in buses.items()}}
        document = {"buses": {name: {"url": url} for name, url in urls.items()}, "components": components}
        system.client().set("truth", json.dumps(document))

    return publish


@pytest.fixture
def part() -> Callable[..., dict[str, object]]:
    """A component of Truth that depends on services, and on buses."""
    return component


@pytest.fixture
def site(tmp_path, system, publish_truth) -> Iterator[Site]:
    """A checkout with five services, none of them started, and a watch that is not started either."""
    root, state = tmp_path / "MarketSwarm", tmp_path / "state"
    state.mkdir()
    (state / "heal.py").write_text(HEAL)
    for folder in ("logs", ".pids"):
        (root / folder).mkdir(parents=True)
    for name in SERVICES:
        (root / "services" / name).mkdir(parents=True)
        (root / "services" / name / "main.py").write_text(SERVICE)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, "add", "services"], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "first"], cwd=root, check=True)
    publish_truth({name: component() for name in SERVICES})
    site = Site(root, state, system.url)
    yield site
    site.close()


@pytest.fixture
def watch_process(site, tmp_path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the watch as a process of its own; it writes its signals as JSON lines to `tmp_path/out`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(environment: dict[str, str] | None = None, **options: object) -> subprocess.Popen[bytes]:
        heal = [sys.executable, str(site.state / "heal.py"), str(site.state), str(site.heal_seconds)]
        config = {
            "root": str(site.root), "state": str(site.state), "system_redis_url": site.system_url,
            "heal": heal, "services": [], "interval_s": 0.1, "grace_s": 1.0, **options,
        }  # fmt: skip
        said = {"config": config, "again": [], "once": False, "alerts": False, "as_json": True}
        argv = [sys.executable, "-m", "agent.watch", json.dumps(said)]
        with (tmp_path / "out").open("ab") as output:
            process = subprocess.Popen(
                argv, stdout=output, stderr=output, env=os.environ | (environment or {})
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
