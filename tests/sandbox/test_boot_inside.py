"""The parts of the boot's supervisor, against real servers and real lines of theirs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.boot import tracer, valkey_binary
from sandbox.inside.awaited import Awaited
from sandbox.inside.buses import BusError, Buses, refuse_live
from sandbox.inside.monitor import Monitor, Seen
from sandbox.inside.resp import Client, RespError
from sandbox.inside.routes import listening
from sandbox.inside.service import Output, catches

Watched = tuple[Client, Seen, Monitor]


@pytest.fixture
def watched(redis_server: Callable[[], Any]) -> Iterator[Watched]:
    """A client of a server, and a monitor that sees what it does."""
    server = redis_server()
    client, seen = Client(server.port), Seen()
    monitor = Monitor("market", server.port, seen, lambda address: False)
    yield client, seen, monitor
    client.close()
    monitor.close()


def read(monitor: Monitor, done: Callable[[], bool]) -> None:
    monitor.socket.settimeout(5)
    while not done():
        assert monitor.read()


@pytest.mark.parametrize(
    ("command", "kind", "name"),
    [
        (("SET", "a:key", "v"), "keys", "a:key"),
        (("setex", "a", "9", "v"), "keys", "a"),
        (("HSET", "h", "f", "v"), "keys", "h"),
        (("XADD", "stream", "*", "f", "v"), "keys", "stream"),
        (("MSET", "one", "1", "two", "2"), "keys", "two"),
        (("LPUSH", "list", "x"), "keys", "list"),
        (("PUBLISH", "massive:spot", "x"), "channels", "massive:spot"),
        (("SET", 'quo"te \\ \n\x01 ü', "v"), "keys", 'quo"te \\ \n\x01 ü'),
        (("BLPOP", "jobs", "more", "0.01"), "consumed", "more"),
        (("XREAD", "COUNT", "1", "STREAMS", "in", "0"), "consumed", "in"),
        (("EVAL", "return redis.call('SET', KEYS[1], 'v')", "1", "by:lua"), "keys", "by:lua"),
        (("SUBSCRIBE", "a:channel"), "subscriptions", "a:channel"),
        (("PSUBSCRIBE", "a:*"), "patterns", "a:*"),
    ],
)
def test_what_a_client_does_is_seen(watched: Watched, command: tuple[str, ...], kind: str, name: str) -> None:
    client, seen, monitor = watched
    client.call(*command)
    read(monitor, lambda: f"market:{name}" in getattr(seen, kind))


def test_reading_and_deleting_is_not_serving(watched: Watched) -> None:
    client, seen, monitor = watched
    client.pipeline([("GET", "a"), ("DEL", "b"), ("EXPIRE", "c", 1), ("KEYS", "*"), ("SET", "last", 1)])
    read(monitor, lambda: bool(seen.keys))
    assert seen.keys == {"market:last"}
    assert not seen.channels


def test_a_value_of_megabytes_is_read_over(watched: Watched) -> None:
    client, seen, monitor = watched
    client.call("SET", "big", "x" * (8 << 20))
    client.call("SET", "small", "y")
    read(monitor, lambda: "market:small" in seen.keys)
    assert seen.keys == {"market:big", "market:small"}


def test_late_is_what_came_after_the_second_round(watched: Watched) -> None:
    client, seen, monitor = watched
    client.call("PUBLISH", "first", "x")
    read(monitor, lambda: "market:first" in seen.channels)
    seen.late = True
    client.call("PUBLISH", "second", "x")
    read(monitor, lambda: "market:second" in seen.channels)
    assert seen.late_channels == {"market:second"}


def test_a_pattern_listens_to_its_channels() -> None:
    seen = Seen()
    seen.subscriptions, seen.patterns = {"market:plain"}, {"market:massive:*"}
    assert seen.listens("market", "plain")
    assert seen.listens("market", "massive:spot")
    assert not seen.listens("intel", "plain")


def test_a_port_that_answers_may_be_live(
    redis_server: Callable[[], Any], free_port: Callable[[], int]
) -> None:
    server = redis_server()
    refuse_live([free_port()])
    with pytest.raises(BusError, match=f"something already answers on port {server.port}"):
        refuse_live([free_port(), server.port])


def test_buses_are_started_filled_and_killed(free_port: Callable[[], int], tmp_path: Path) -> None:
    ports = {"system-redis": free_port(), "market-redis": free_port()}
    buses = Buses(str(valkey_binary()), ports, str(tmp_path))
    try:
        buses.connect()
        buses.fill(
            "system-redis", {"components": {}}, {"market-redis": {"k": {"type": "string", "value": "v"}}}
        )
        assert buses.clients["market-redis"].call("GET", "k") == b"v"
        assert json.loads(str(buses.clients["system-redis"].call("GET", "truth"), "utf-8")) == {
            "components": {}
        }
        with pytest.raises(BusError, match="unknown type 'blob'"):
            buses.fill("system-redis", None, {"market-redis": {"k": {"type": "blob", "value": "v"}}})
        with pytest.raises(RespError, match="unknown command"):
            buses.clients["market-redis"].call("NONSENSE")
    finally:
        buses.kill()
    with pytest.raises(OSError, match="refused"):
        Client(ports["market-redis"])


def test_a_server_that_cannot_start_is_told(free_port: Callable[[], int], tmp_path: Path) -> None:
    buses = Buses("/bin/false", {"market-redis": free_port()}, str(tmp_path))
    with pytest.raises(BusError, match="the server of market-redis did not start"):
        buses.connect()
    buses.kill()


def test_output_keeps_both_ends() -> None:
    output = Output()
    for number in range(30_000):
        output.add(b"%08d line of output that is written again and again\n" % number)
    text = output.text()
    assert text.startswith("00000000 line") and "00029999 line" in text
    assert "bytes of output dropped" in text
    assert len(text) < 1_000_000


def test_listening_leaves_out_the_buses(redis_server: Callable[[], Any]) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel's table of sockets is Linux's")
    server = redis_server()
    assert server.port in listening(set())
    assert server.port not in listening({server.port})


@pytest.mark.parametrize(("handler", "caught"), [("lambda *_: None", True), ("signal.SIG_DFL", False)])
def test_whether_a_process_catches_a_signal(handler: str, caught: bool) -> None:
    if sys.platform != "linux":
        pytest.skip("signal masks are read from /proc")
    code = f"import signal, sys; signal.signal(signal.SIGTERM, {handler}); print('.', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-I", "-c", code]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        assert catches(process.pid, signal.SIGTERM) is caught
        process.kill()


def test_awaited_functions_are_named_without_their_class() -> None:
    awaited = Awaited(
        {"functions": ["services/a/x.py:run"], "served": [r"bus:key:.+"], "late": [], "fields": []}
    )
    functions, seen = {"services/a/x.py:Worker.run", "services/a/y.py:run"}, Seen()
    assert not awaited.met(functions, seen)
    seen.keys.add("bus:key:1")
    assert not awaited.met(set(), seen)
    assert awaited.met(functions, seen)


def interpreters() -> list[str]:
    """Our own Python and others of this machine: from 3.12 on functions are noted in another way."""
    names = [sys.executable, *(shutil.which(f"python3.{minor}") or "" for minor in range(11, 16))]
    return [name for name in dict.fromkeys(names) if name and _starts(name)]


def _starts(python: str) -> bool:
    return subprocess.run([python, "-I", "-c", ""], capture_output=True, check=False).returncode == 0


TRACED = """\
import asyncio, threading
def named(): pass
class Thing:
    def method(self): return [item for item in "ab"]
async def loop():
    await asyncio.sleep(0)
thread = threading.Thread(target=Thing().method)
thread.start()
thread.join()
asyncio.run(loop())
import services.pulse.more
"""


@pytest.mark.parametrize("python", interpreters())
def test_the_functions_that_ran_are_noted_by_every_python(python: str, tmp_path: Path) -> None:
    service = tmp_path / "services" / "pulse"
    service.mkdir(parents=True)
    (service / "main.py").write_text(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{TRACED}")
    (service / "more.py").write_text("import os, shlex\ndef here(): pass\nhere()\nos._exit(3)\n")
    (tmp_path / "sitecustomize.py").write_text(tracer())
    (tmp_path / "board").write_bytes(b"\1".ljust(64, b"\0"))
    reading, writing = os.pipe()
    settings = os.pathsep.join([str(writing), str(tmp_path / "board"), str(tmp_path), f"{service}/", ""])
    done = subprocess.run(
        [python, "services/pulse/main.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "AUTOHEALER_TRACE": settings},
        pass_fds=(writing,),
        check=False,
    )
    os.close(writing)
    with os.fdopen(reading) as notes:
        lines = notes.read().splitlines()
    assert done.returncode == 3
    assert not (tmp_path / "board").exists()
    own = {line.split(" ", 3)[3].removeprefix("1 services/pulse/") for line in lines}
    assert len(lines) == len(set(lines))
    expected = {
        "main.py:<module>",
        "main.py:Thing",
        "main.py:Thing.method",
        "main.py:loop",
        "more.py:<module>",
    }
    assert own - {"main.py:Thing.method.<locals>.<listcomp>"} == {*expected, "more.py:here"}
