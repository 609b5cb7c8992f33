"""The watch beside real processes and real Redis servers: what it says, and how many heals it starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.watch import Signal, Watch, WatchConfig

SERVICE = """
import json, os, signal, sys, time
import redis
name, url, mode, ttl = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
print(f"Starting {name} at 2026-11-22 12:00:00", flush=True)
if mode == "crash":
    {}["SPX"]
def stop(number, frame):
    print(f"[2026-11-22 12:00:01][{name}][INFO] received SIGTERM, shutting down", flush=True)
    print(f"[2026-11-22 12:00:01][{name}][INFO] stopped", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
began = time.monotonic()
while True:
    payload = {"service": name, "ts": time.time(), "pid": os.getpid(), "status": "running"}
    try:
        if mode != "mute":
            client.set(f"{name}:heartbeat", json.dumps(payload), px=int(ttl * 1000))
    except redis.RedisError:
        pass
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

    def start(self, service: str, mode: str = "run") -> subprocess.Popen[bytes]:
        """Start a service as its start-up script does: log appended, PID file written."""
        main = self.root / "services" / service / "main.py"
        argv = [sys.executable, str(main), service, self.system_url, mode, str(TTL_S)]
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

    def watch(self) -> None:
        options = {"interval_s": 0.1, "grace_s": 1.0, **self.watch_options}
        heal = (sys.executable, str(self.state / "heal.py"), str(self.state), str(self.heal_seconds))
        config = WatchConfig(self.root, self.state, self.system_url, heal, **options)
        self.stop = threading.Event()
        watch = Watch(config, self.signals.append)
        self.thread = threading.Thread(target=watch.run, args=(self.stop,))
        self.thread.start()

    def end_watch(self) -> None:
        if self.thread is not None:
            self.stop.set()
            self.thread.join(10)
            assert not self.thread.is_alive()
            self.thread = None

    def events(self, *kinds: str) -> list[tuple[str, str | None]]:
        return [(s.event, s.service or s.redis) for s in self.signals if not kinds or s.event in kinds]

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


@pytest.fixture
def system(redis_server):
    return redis_server()


@pytest.fixture
def site(tmp_path, system, reaper) -> Iterator[Site]:
    root, state = tmp_path / "MarketSwarm", tmp_path / "state"
    state.mkdir()
    (state / "heal.py").write_text(HEAL)
    for folder in ("logs", ".pids"):
        (root / folder).mkdir(parents=True)
    components = {}
    for name in ("massive", "vigil", "mesh"):
        (root / "services" / name).mkdir(parents=True)
        (root / "services" / name / "main.py").write_text(SERVICE)
        components[name] = {"heartbeat": {"interval_sec": TTL_S / 5, "ttl_sec": TTL_S}, "dependencies": []}
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, "add", "services"], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "first"], cwd=root, check=True)
    system.client().set(
        "truth", json.dumps({"buses": {"system-redis": {"url": system.url}}, "components": components})
    )
    site = Site(root, state, system.url)
    yield site
    site.close()


def test_a_killed_service_becomes_one_incident_and_one_heal(site):
    site.up("vigil", "mesh")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    assert site.events() == [("service_down", "vigil"), ("heal_started", "vigil"), ("heal_ended", "vigil")]
    assert len(site.heals()) == 1
    folder = site.state / "incidents" / site.heals()[0]
    assert json.loads((folder / "incident.json").read_text())["trigger"] == "service_down"
    assert json.loads((folder / "watch.json").read_text())["state"] == "ended"


def test_a_crash_is_captured_with_its_traceback(site):
    site.up("vigil")
    site.operator_stops("vigil")
    site.start("vigil", "crash")
    site.until(lambda: site.events("service_down"))
    down = next(s for s in site.signals if s.event == "service_down")
    assert "KeyError: 'SPX'" in down.reason
    assert "KeyError: 'SPX'" in (site.state / "incidents" / down.incident / "log.txt").read_text()


def test_an_operators_stop_is_no_crash(site):
    site.up("vigil")
    site.operator_stops("vigil")
    site.until(lambda: site.events("service_stopped"))
    assert site.events() == [("service_stopped", "vigil")]
    site.start("vigil")
    time.sleep(0.6)
    assert site.events() == [("service_stopped", "vigil")] and site.heals() == []


def test_sigterm_alone_with_an_orderly_log_is_no_crash(site):
    site.up("vigil")
    site.processes["vigil"].terminate()
    site.processes["vigil"].wait(5)
    site.until(lambda: site.events("service_stopped"))
    assert site.heals() == []


def test_a_hang_is_reported_and_not_healed(site):
    site.up("vigil")
    site.processes["vigil"].send_signal(signal.SIGSTOP)
    site.until(lambda: site.events("heartbeat_lost"))
    site.processes["vigil"].send_signal(signal.SIGCONT)
    site.until(lambda: site.events("service_recovered"))
    assert site.heals() == []
    assert site.events("service_down") == []


def test_a_service_that_dies_again_within_the_cooldown_is_not_healed_again(site):
    site.up("vigil")
    for count in (1, 2):
        site.processes["vigil"].kill()
        site.until(lambda count=count: len(site.events("service_down")) == count)
        site.until(lambda: site.events("heal_ended"))
        site.start("vigil")
        site.until(lambda count=count: len(site.events("service_recovered")) == count)
    site.until(lambda: site.events("heal_refused"))
    assert len(site.heals()) == 1
    refused = next(s for s in site.signals if s.event == "heal_refused")
    assert "cooldown" in refused.reason


def test_a_service_that_never_came_up_is_down_after_its_grace(site):
    site.watch_options["grace_s"] = 1.5
    site.watch()
    time.sleep(0.3)
    began = time.monotonic()
    site.start("vigil", "crash")
    site.until(lambda: site.events("service_down"))
    assert time.monotonic() - began < 6
    assert site.heals() or site.until(site.heals) is None


def test_restarts_that_keep_the_key_alive_are_a_crash_loop(site):
    site.up("vigil")
    for _ in range(4):
        site.processes["vigil"].kill()
        site.processes["vigil"].wait()
        site.start("vigil", "crash_soon")
        time.sleep(0.5)
        if site.events("crash_loop"):
            break
        site.start("vigil")
        time.sleep(0.3)
    site.until(lambda: site.events("crash_loop"))
    assert site.events("service_down") == []
    site.until(lambda: len(site.heals()) == 1)


def test_a_redis_that_restarts_makes_nobody_dead(site, system):
    site.up("vigil", "mesh")
    truth = system.client().get("truth")
    system.stop()
    time.sleep(0.6)
    system.start()
    system.client().set("truth", truth)
    site.until(lambda: site.events("redis_recovered"))
    time.sleep(1.5)
    assert set(site.events()) == {("redis_down", "system-redis"), ("redis_recovered", "system-redis")}


def test_a_frozen_redis_makes_heartbeats_unknown_not_dead(site, system):
    site.up("vigil", "mesh")
    system.freeze()
    site.until(lambda: site.events("redis_down"))
    time.sleep(1.5)
    system.thaw()
    site.until(lambda: site.events("redis_recovered"))
    time.sleep(1.0)
    assert set(site.events()) == {("redis_down", "system-redis"), ("redis_recovered", "system-redis")}


def test_signals_are_published_and_the_watch_beats(site, system):
    subscriber = system.client().pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe("autohealer:events")
    site.up("vigil")
    beat = json.loads(system.client().get("autohealer:heartbeat"))
    assert beat["service"] == "autohealer" and beat["pid"] == os.getpid()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    messages = [subscriber.get_message(timeout=0.5) for _ in range(4)]
    heard = [json.loads(message["data"]) for message in messages if message]
    assert [event["event"] for event in heard] == ["service_down", "heal_started", "heal_ended"]
    assert heard[0]["service"] == "vigil" and heard[0]["incident"] == site.heals()[0]


def test_the_switch_turns_healing_off_and_not_the_eyes(site, system):
    system.client().set("autohealer:enabled", "0")
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_refused"))
    assert site.events("service_down") == [("service_down", "vigil")] and site.heals() == []


def test_a_death_that_an_earlier_watch_dealt_with_is_not_news_to_the_next(site):
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.end_watch()
    site.signals.clear()
    site.watch()
    time.sleep(2.0)
    assert site.events() == [] and len(site.heals()) == 1


def test_a_watch_that_stops_leaves_its_heal_to_the_next_one(site):
    site.heal_seconds = 60.0
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(site.heals)
    began = time.monotonic()
    site.end_watch()
    assert time.monotonic() - began < 10
    site.heal_seconds = 0.0
    site.signals.clear()
    site.watch()
    site.until(lambda: site.events("heal_ended"))
    assert site.heals() == [site.heals()[0]] * 2
