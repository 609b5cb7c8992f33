"""Health of real servers and processes: up, down, frozen, and everything that only looks alive."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields

import pytest

from tools.health import HealthCollector, HttpState, MysqlState, RedisState
from tools.health.heartbeats import as_seconds
from tools.health.redis_buses import ping
from tools.incident import HttpHealth, MysqlHealth, RedisHealth, Snapshot
from tools.truth import from_document

SLEEPER = "import sys, time; time.sleep(60)"


@pytest.fixture
def system(redis_server):
    return redis_server()


@pytest.fixture
def make(tmp_path) -> Iterator[Callable[..., HealthCollector]]:
    """A collector of a checkout in `tmp_path`; components by keyword, buses by name."""
    made = []

    def collector(buses: dict[str, str], **components: dict) -> HealthCollector:
        urls = {name: {"url": url} for name, url in buses.items()}
        truth = from_document({"buses": urls, "components": components})
        made.append(HealthCollector(tmp_path, truth))
        return made[-1]

    (tmp_path / ".pids").mkdir()
    yield collector
    for each in made:
        each.close()


@pytest.fixture
def process(tmp_path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a process that runs `services/<name>/main.py`, or something else."""
    started = []

    def start(service: str | None = "vigil") -> subprocess.Popen[bytes]:
        folder = tmp_path / "services" / str(service)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.py").write_text(SLEEPER)
        argv = [sys.executable, str(folder / "main.py")] if service else [sys.executable, "-c", SLEEPER]
        started.append(subprocess.Popen(argv))
        time.sleep(0.05)
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()


def write_pid(tmp_path, pid: object, age_s: float = 0.0) -> None:
    file = tmp_path / ".pids" / "vigil.pid"
    file.write_text(f"{pid}\n")
    os.utime(file, (time.time() - age_s, time.time() - age_s))


BEAT = {"heartbeat": {"interval_sec": 5, "ttl_sec": 15}, "dependencies": []}


def vigil(collector: HealthCollector):
    return collector.collect().services["vigil"]


def test_a_service_that_beats_is_healthy(system, make, tmp_path, process):
    child = process()
    write_pid(tmp_path, child.pid)
    system.client().set("vigil:heartbeat", json.dumps({"ts": time.time(), "pid": child.pid}), ex=15)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.status, state.process.fate, state.process.pid) == ("healthy", "alive", child.pid)
    assert 0 <= state.beat.age < 2
    assert 13 < state.beat.ttl <= 15


@pytest.mark.parametrize(
    "payload",
    [
        b'{"service": "vigil"}',
        b'{"service": "vigil", "ts": 1795000000000}',
        b'{"ts": 99999999999, "pid": "no"}',
        b"{",
        b"\xff\xfe\x00",
        b"",
        b"[1, 2]",
        b'{"ts": null, "pid": -1, "status": 5}',
        b'{"ts": 1e400, "pid": 99999999999999}',
        b"[" * 50_000,
    ],
)
def test_any_payload_is_a_heartbeat_as_long_as_its_key_lives(system, make, payload):
    system.client().set("vigil:heartbeat", payload, ex=14)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.status, state.beat.present) == ("healthy", True)
    assert state.process.alive is None
    assert 0 <= state.beat.age < 3


def test_a_key_of_another_type_counts_as_present(system, make):
    system.client().rpush("vigil:heartbeat", "x")
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert state.beat.present is True


def test_a_heartbeat_from_the_future_and_one_from_the_past_are_judged_by_their_ttl(system, make):
    client = system.client()
    collector = make({"system-redis": system.url}, vigil=BEAT)
    for skew in (-7200, 7200):
        client.set("vigil:heartbeat", json.dumps({"ts": time.time() + skew}), ex=15)
        assert vigil(collector).status == "healthy", skew


def test_a_late_beat_is_degraded(system, make):
    system.client().set("vigil:heartbeat", json.dumps({"ts": time.time() - 14}), ex=1)
    assert vigil(make({"system-redis": system.url}, vigil=BEAT)).status == "degraded"


def test_a_key_that_never_expires_is_gone_when_its_time_is_old(system, make):
    client = system.client()
    collector = make({"system-redis": system.url}, vigil=BEAT)
    client.set("vigil:heartbeat", json.dumps({"ts": time.time() - 3600}))
    assert vigil(collector).status == "dead"
    client.set("vigil:heartbeat", json.dumps({"ts": time.time()}))
    assert vigil(collector).status == "healthy"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(1_795_000_000, 1_795_000_000), (1_795_000_000_000, 1_795_000_000), (1_795_000_000_000_000, 1_795_000_000),
     ("1795000000.5", 1_795_000_000.5), ("soon", None), (-1, None), (True, None), (float("nan"), None)],
)  # fmt: skip
def test_times_in_any_unit(written, seconds):
    assert as_seconds(written) == seconds


def test_no_key_and_no_process_is_dead(system, make, tmp_path, process):
    child = process()
    write_pid(tmp_path, child.pid)
    child.kill()
    child.wait()
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.status, state.process.fate) == ("dead", "dead")


def test_no_key_and_a_living_process_hangs(system, make, tmp_path, process):
    write_pid(tmp_path, process().pid)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.status, state.process.fate) == ("running_no_heartbeat", "alive")


def test_a_zombie_is_dead(system, make, tmp_path, process):
    child = process()
    write_pid(tmp_path, child.pid)
    child.kill()
    time.sleep(0.1)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.process.fate, state.process.alive, state.status) == ("zombie", False, "dead")


def test_a_pid_that_another_program_was_given_is_a_stranger(system, make, tmp_path, process):
    write_pid(tmp_path, process(None).pid, age_s=3600)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.process.fate, state.process.alive, state.status) == ("stranger", False, "dead")


def test_another_services_process_on_the_pid_is_a_stranger(system, make, tmp_path, process):
    write_pid(tmp_path, process("massive").pid, age_s=3600)
    assert vigil(make({"system-redis": system.url}, vigil=BEAT)).process.fate == "stranger"


def test_an_odd_command_line_is_believed_when_it_was_started_as_its_pid_file_was_written(
    system, make, tmp_path, process
):
    write_pid(tmp_path, process(None).pid)
    assert vigil(make({"system-redis": system.url}, vigil=BEAT)).process.fate == "alive"


def test_the_process_behind_a_heartbeat_is_remembered_without_a_pid_file(system, make, process):
    child = process(None)
    client = system.client()
    client.set("vigil:heartbeat", json.dumps({"pid": child.pid}), ex=15)
    collector = make({"system-redis": system.url}, vigil=BEAT)
    assert vigil(collector).process.fate == "alive"
    client.delete("vigil:heartbeat")
    assert vigil(collector).status == "running_no_heartbeat"
    child.kill()
    child.wait()
    assert vigil(collector).status == "dead"


def test_a_pid_file_that_is_stale_does_not_hide_the_process_that_beats(system, make, tmp_path, process):
    child = process()
    write_pid(tmp_path, 2**22 - 3)
    system.client().set("vigil:heartbeat", json.dumps({"pid": child.pid}), ex=15)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.process.fate, state.process.pid) == ("alive", child.pid)


@pytest.mark.parametrize("content", ["", "abc", "-1", "0", "1", "99999999999", "12 34", "\0"])
def test_a_pid_file_without_a_pid_says_nothing(system, make, tmp_path, content):
    write_pid(tmp_path, content)
    state = vigil(make({"system-redis": system.url}, vigil=BEAT))
    assert (state.process.fate, state.process.recorded) == ("unknown", True)


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_what_is_no_pid_file_neither_hangs_nor_counts(system, make, tmp_path, kind):
    path = tmp_path / ".pids" / "vigil.pid"
    {"fifo": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/dev/zero"), "folder": path.mkdir}[
        kind
    ]()
    assert vigil(make({"system-redis": system.url}, vigil=BEAT)).process.fate == "unknown"


def test_no_command_line_or_environment_is_in_a_snapshot(system, make, tmp_path, process):
    write_pid(tmp_path, process().pid)
    text = json.dumps(make({"system-redis": system.url}, vigil=BEAT).collect().document())
    assert "main.py" not in text and "PATH" not in text


def test_a_frozen_redis_is_unknown_within_two_seconds(redis_server, system, make):
    market = redis_server()
    system.client().set("vigil:heartbeat", "{}", ex=15)
    collector = make({"system-redis": system.url, "market-redis": market.url}, vigil=BEAT)
    assert vigil(collector).status == "healthy"
    system.freeze()
    began = time.monotonic()
    health = collector.collect()
    assert time.monotonic() - began < 2
    assert health.redis["system-redis"].alive is None
    assert "did not answer" in health.redis["system-redis"].error
    assert health.redis["market-redis"].alive is True
    assert health.services["vigil"].status == "unknown"
    assert health.services["vigil"].beat.present is None
    system.thaw()
    time.sleep(1.2)
    assert vigil(collector).status == "healthy"


def test_all_servers_frozen_at_once_cost_no_more_than_one(redis_server, make):
    servers = [redis_server() for _ in range(3)]
    names = ("system-redis", "market-redis", "intel-redis")
    collector = make({n: s.url for n, s in zip(names, servers, strict=True)}, vigil=BEAT)
    for server in servers:
        server.freeze()
    for _ in range(2):
        began = time.monotonic()
        health = collector.collect()
        assert time.monotonic() - began < 2
        assert [state.alive for state in health.redis.values()] == [None] * 3


def test_a_redis_that_is_down_is_refused_at_once_and_since_when_is_told(system, make):
    collector = make({"system-redis": system.url}, vigil=BEAT)
    assert collector.collect().redis["system-redis"].alive is True
    system.stop()
    began = time.monotonic()
    state = collector.collect().redis["system-redis"]
    assert time.monotonic() - began < 0.5
    assert state.alive is False and "since" in state.error
    system.start()
    assert collector.collect().redis["system-redis"].alive is True


def test_a_redis_that_restarted_between_two_looks_is_no_outage(system, make):
    collector = make({"system-redis": system.url}, vigil=BEAT)
    collector.collect()
    system.stop()
    system.start()
    assert collector.collect().redis["system-redis"].alive is True


def test_a_server_that_answers_byte_by_byte_is_cut_off(make):
    with trickling_server() as port:
        collector = make({"system-redis": f"redis://127.0.0.1:{port}"}, vigil=BEAT)
        began = time.monotonic()
        health = collector.collect()
        assert time.monotonic() - began < 2
        assert health.services["vigil"].beat.present is None


@pytest.mark.parametrize(
    "url", ["http://x", "redis://127.0.0.1:1", "nonsense", "redis://127.0.0.1:1?socket_timeout=99", ""]
)
def test_a_url_that_leads_nowhere_is_told_and_not_raised(make, url):
    began = time.monotonic()
    state = make(
        {"system-redis": "redis://127.0.0.1:1", "odd-redis": url or "redis://"}, vigil=BEAT
    ).collect()
    assert time.monotonic() - began < 2
    assert state.redis["system-redis"].alive is False


def test_options_in_a_url_do_not_lift_the_time_out(system, make):
    collector = make({"system-redis": f"{system.url}/0?socket_timeout=60&retry_on_timeout=yes"}, vigil=BEAT)
    assert collector.collect().redis["system-redis"].alive is True
    system.freeze()
    began = time.monotonic()
    assert collector.collect().redis["system-redis"].alive is None
    assert time.monotonic() - began < 2


def test_a_redis_that_wants_a_password_is_alive_and_its_keys_unknown(redis_server, make):
    server = redis_server()
    server.client().config_set("requirepass", "open-sesame")
    health = make({"system-redis": server.url}, vigil=BEAT).collect()
    assert health.redis["system-redis"].alive is True
    assert "uthentication" in health.redis["system-redis"].error
    assert health.services["vigil"].beat.present is None
    url = f"redis://:open-sesame@127.0.0.1:{server.port}"
    assert make({"system-redis": url}, vigil=BEAT).collect().services["vigil"].beat.present is False


def test_the_figures_of_a_redis(system, make):
    client = system.client()
    client.set("a", 1)
    client.get("a")
    client.get("b")
    state = make({"system-redis": system.url}).collect().redis["system-redis"]
    assert state.total_keys == 1 and state.hit_rate == 0.5 and state.role == "master"
    assert state.used_memory_mb > 0 and state.maxmemory == 0 and state.persistence is not None


def test_a_light_look_keeps_the_last_figures(system, make):
    collector = make({"system-redis": system.url}, vigil=BEAT)
    full = collector.collect()
    light = collector.collect(full=False)
    assert light.redis["system-redis"].used_memory_mb == full.redis["system-redis"].used_memory_mb
    assert light.services.keys() == full.services.keys() and light.disk_free_mb is None


def test_ping(system):
    assert ping(system.url) is True
    system.stop()
    assert ping(system.url) is False


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/health": 200, "/sick": 503}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def http_server() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@contextmanager
def raw_server(greeting: bytes | None) -> Iterator[int]:
    """Accepts, says its greeting (or nothing at all), and waits."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if greeting is not None:
                    connection.sendall(greeting)
                    return
                ended.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join()


@contextmanager
def trickling_server() -> Iterator[int]:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while not ended.wait(0.2):
                    try:
                        connection.sendall(b"+")
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/health", HttpState(True, True, 200)),
        ("/sick", HttpState(True, False, 503)),
        ("/nothing", HttpState(True, False, 404)),
        (None, HttpState(True, True, 200)),
    ],
)
def test_http_health(system, make, path, expected):
    with http_server() as port:
        http_part = {"port": port} | ({"health": path} if path else {})
        component = {**BEAT, "outputs": {"http": http_part}}
        assert make({"system-redis": system.url}, vigil=component).collect().http["vigil"] == expected


def test_http_that_nobody_serves_and_http_that_hangs(system, make, free_port):
    down = {**BEAT, "outputs": {"http": {"port": free_port()}}}
    state = make({"system-redis": system.url}, vigil=down).collect().http["vigil"]
    assert (state.reachable, state.healthy) == (False, False)
    with raw_server(None) as port:
        silent = {**BEAT, "outputs": {"http": {"port": port}}}
        began = time.monotonic()
        state = make({"system-redis": system.url}, vigil=silent).collect().http["vigil"]
        assert time.monotonic() - began < 2
    assert state.reachable is None


def test_a_stranger_on_the_port_is_not_the_service(system, make, tmp_path, process):
    child = process()
    write_pid(tmp_path, child.pid)
    child.kill()
    child.wait()
    with http_server() as port:
        component = {**BEAT, "outputs": {"http": {"port": port, "health": "/health"}}}
        state = make({"system-redis": system.url}, vigil=component).collect().http["vigil"]
    assert state.reachable is True and state.healthy is False
    assert "another process" in state.error


GREETING = b"\x4a\x00\x00\x00\x0a8.0.36\x00rest of the packet"
REFUSAL = b"\x2e\x00\x00\x00\xff\x69\x04Host '10.0.0.1' is not allowed to connect"


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        (GREETING, MysqlState(True, "8.0.36")),
        (REFUSAL, MysqlState(True, error="Host '10.0.0.1' is not allowed to connect")),
        (b"+PONG\r\n", MysqlState(False, error="what answers on its port is not MySQL")),
        (b"", MysqlState(False, error="what answers on its port is not MySQL")),
        (None, MysqlState(None, error="did not answer within 1 s")),
    ],
)
def test_mysql_by_its_greeting(system, tmp_path, greeting, expected):
    with raw_server(greeting) as port:
        shared = {"mysql": {"host": "127.0.0.1", "port": port}}
        document = {"shared_resources": shared, "components": {"journal": {"inputs": {"mysql": True}}}}
        collector = HealthCollector(tmp_path, from_document(document), {"system-redis": system.url})
        assert collector.collect().mysql == expected
        collector.close()


def test_mysql_that_is_down_and_mysql_that_nobody_uses(system, tmp_path, free_port, make):
    shared = {"mysql": {"host": "127.0.0.1", "port": free_port()}}
    document = {"shared_resources": shared, "components": {"journal": {"inputs": {"mysql": True}}}}
    collector = HealthCollector(tmp_path, from_document(document), {"system-redis": system.url})
    assert collector.collect().mysql.alive is False
    collector.close()
    assert make({"system-redis": system.url}, vigil=BEAT).collect().mysql is None


def test_the_document_is_the_documented_shape_and_reads_back(system, make):
    system.client().set("vigil:heartbeat", json.dumps({"ts": time.time()}), ex=15)
    collector = make({"system-redis": system.url}, vigil=BEAT, mesh=BEAT)
    document = json.loads(json.dumps(collector.collect().document()))
    snapshot = Snapshot.model_validate(document)
    assert snapshot.heartbeats["vigil"].status == "healthy"
    assert snapshot.heartbeats["mesh"].status == "dead"
    assert snapshot.score == pytest.approx(2 / 3, abs=0.01)
    assert set(document["heartbeats"]["vigil"]) == {
        "alive", "status", "last_ts", "age_sec", "ttl_remaining", "expected_ttl", "pid_alive", "pid"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "shape"), [(RedisState, RedisHealth), (HttpState, HttpHealth), (MysqlState, MysqlHealth)]
)
def test_every_field_of_the_shape_is_written(ours, shape):
    assert set(shape.model_fields) <= {field.name for field in fields(ours)}


def test_the_last_beat_of_a_dead_service_is_remembered(system, make):
    client = system.client()
    client.set("vigil:heartbeat", "{}", ex=15)
    collector = make({"system-redis": system.url}, vigil=BEAT)
    collector.collect()
    client.delete("vigil:heartbeat")
    state = vigil(collector)
    assert state.beat.present is False and abs(time.time() - state.beat.ts) < 3
