"""A service's entry point in a real box: what it does is seen, and it cannot tell otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.boot import Awaited, BootReport, Message, Value, Waits, World, boot
from sandbox.isolation import Isolation

PYTHON = Path(sys.executable)
QUICK = Waits(heartbeat_s=5.0, settle_s=0.1, gap_s=0.1, patience_s=2.0, stop_s=1.0)
BUSES = {"system-redis": "redis://127.0.0.1:6379", "market-redis": "redis://127.0.0.1:6380"}
WORLD = World("pulse", BUSES, "system-redis", {"components": {}}, closed_ports=(3306,))

BEATING = """\
import asyncio, redis, redis.asyncio as aioredis, signal, sys
from services.pulse.intel.work import work

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    redis.Redis(port=6379).set("pulse:heartbeat", "1", ex=15)
    market = aioredis.Redis(port=6380, decode_responses=True)
    task = asyncio.create_task(work(market))
    await stop.wait()
    print("stopped", flush=True)

if __name__ == "__main__":
    asyncio.run(main())
"""
ROOT = "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).resolve().parents[2]))\n"
WORK = """\
import asyncio

async def work(market):
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 8123)
    pubsub = market.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe("massive:spot")
    async for message in pubsub.listen():
        await handle(market, message["data"])

async def handle(market, data):
    await market.hset("pulse:last", "value", data)
    await market.publish("pulse:events", 1 / int(data))
"""

Start = Callable[..., BootReport]


@pytest.fixture
def start(tmp_path: Path, isolation: Isolation) -> Start:
    """Boot a service out of the text of its main.py and of further files."""

    def started(
        main: str, files: Mapping[str, str] = {}, world: World = WORLD, awaited: Awaited = Awaited()
    ) -> BootReport:
        tree = write_tree(tmp_path / "tree", main, files)
        return boot(isolation, PYTHON, tree, world, waits=QUICK, awaited=awaited)

    return started


def write_tree(tree: Path, main: str, files: Mapping[str, str] = {}) -> Path:
    for name, text in {"services/pulse/main.py": ROOT + main, **files}.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tree


def spots(*values: str) -> World:
    return replace(WORLD, messages=tuple(Message("market-redis", "massive:spot", each) for each in values))


def test_a_healthy_service_is_seen_doing_what_it_does(backend: Isolation, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", BEATING, {"services/pulse/intel/work.py": WORK})
    report = boot(backend, PYTHON, tree, spots("1", "2"), waits=QUICK)
    assert report.problem is None
    assert report.alive and report.first_heartbeat_s is not None and report.first_heartbeat_s < 3
    assert (report.exit_code, report.signal, report.stopped_late) == (0, "SIGTERM", False)
    assert report.keys == {"system-redis:pulse:heartbeat", "market-redis:pulse:last"}
    assert report.channels == report.late_channels == {"market-redis:pulse:events"}
    assert report.late_keys == {"market-redis:pulse:last"}
    assert report.subscriptions == {"market-redis:massive:spot"}
    assert report.ports == {8123}
    assert (report.output, report.shutdown_output) == ("", "stopped\n")
    own = {name.partition("services/pulse/")[2] for name in report.functions}
    assert {"main.py:main", "intel/work.py:<module>", "intel/work.py:work", "intel/work.py:handle"} <= own
    assert "services/pulse/intel/work.py:handle" in report.late_functions
    assert "services/pulse/intel/work.py:<module>" not in report.late_functions


def test_a_worker_that_died_shows_while_the_heartbeat_goes_on(start: Start) -> None:
    report = start(BEATING, {"services/pulse/intel/work.py": WORK}, spots("1", "0", "2"))
    assert report.alive and report.first_heartbeat_s is not None
    assert "Task exception was never retrieved" in report.shutdown_output
    assert "ZeroDivisionError" in report.shutdown_output
    assert report.channels == {"market-redis:pulse:events"}
    assert report.late_channels == frozenset()
    assert "services/pulse/intel/work.py:handle" in report.first_functions
    assert "services/pulse/intel/work.py:handle" not in report.late_functions


def test_without_a_handler_for_sigterm_the_errors_of_tasks_are_still_told(start: Start) -> None:
    main = BEATING.replace("asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)", "pass")
    report = start(main, {"services/pulse/intel/work.py": WORK}, spots("0"))
    assert report.signal == "SIGINT"
    assert "Task exception was never retrieved" in report.shutdown_output


def test_a_crash_at_the_start(start: Start) -> None:
    report = start("import services.pulse.intel.work\n", {"services/pulse/intel/work.py": "import nowhere\n"})
    assert (report.alive, report.exit_code, report.signal) == (False, 1, None)
    assert report.output.endswith("ModuleNotFoundError: No module named 'nowhere'\n")
    assert report.functions == {"services/pulse/main.py:<module>", "services/pulse/intel/work.py:<module>"}


@pytest.mark.parametrize(
    ("end", "code"), [("os._exit(7)", 7), ("os.kill(os.getpid(), signal.SIGKILL)", -9), ("sys.exit('no')", 1)]
)
def test_functions_are_kept_however_it_ends(start: Start, end: str, code: int) -> None:
    report = start(f"import os, signal\ndef last():\n    {end}\nlast()\n")
    assert report.exit_code == code
    assert "services/pulse/main.py:last" in report.functions


WHO_AM_I = """\
import __main__, json, os, sys, threading, traceback
try:
    import services.pulse.intel.broken
except ZeroDivisionError:
    trace = traceback.format_exc()
seen = {
    "argv": sys.argv, "path": sys.path, "file": __file__, "name": __name__, "spec": str(__spec__),
    "loader": type(__loader__).__name__, "cached": __cached__, "package": __package__, "same": __main__.__name__,
    "stack": traceback.format_stack(), "trace": trace, "threads": threading.active_count(),
    "environment": sorted(os.environ), "flags": str(sys.flags), "hook": sys.excepthook is sys.__excepthook__,
    "globals": sorted(globals()),
}
print(json.dumps(seen), flush=True)
1 / 0
"""


def test_the_entry_point_runs_as_python_runs_it(start: Start, tmp_path: Path) -> None:
    """Nothing of the harness shows in its paths, frames, globals or environment."""
    files = {"services/pulse/intel/broken.py": "def fail():\n    1 / 0\n\nfail()\n"}
    report = start(WHO_AM_I, files)
    tree = write_tree(tmp_path / "bare", WHO_AM_I, files)
    env = dict.fromkeys(("HOME", "LANG", "PATH"), "")
    bare = subprocess.run(
        [str(PYTHON), "services/pulse/main.py"],
        cwd=tree,
        env=env | {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert report.output == bare.stdout.replace(str(tree), "/work")
    assert report.exit_code == bare.returncode == 1


def test_every_type_of_value_is_there_before_the_start(start: Start) -> None:
    values = {
        "s": Value("string", "text"),
        "h": Value("hash", {"field": "1"}),
        "l": Value("list", ["a", "b"]),
        "e": Value("set", ["member"]),
        "z": Value("zset", [["one", 1.5]], ttl=0.2),
        "x": Value("stream", [["1-1", {"key": "value"}]]),
    }
    main = (
        "import redis, time\nr = redis.Redis(port=6380, decode_responses=True)\ntime.sleep(0.3)\n"
        "print(r.get('s'), r.hgetall('h'), r.lrange('l', 0, -1), r.smembers('e'), r.zrange('z', 0, -1, withscores=True),"
        " r.xrange('x'), redis.Redis(port=6379).get('truth'))\n"
    )
    report = start(main, world=replace(WORLD, values={"market-redis": values}))
    assert report.output == (
        "text {'field': '1'} ['a', 'b'] {'member'} [('one', 1.5)] [('1-1', {'key': 'value'})]"
        " b'{\"components\": {}}'\n"
    )


SERVER = """\
import json, os, redis, signal, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
market = redis.Redis(port=6380)
redis.Redis(port=6379).set("pulse:heartbeat", 1)

class Api(BaseHTTPRequestHandler):
    def do_OPTIONS(self):
        known = self.path == "/api/trades"
        self.send_response(405 if known else 404)
        if known:
            self.send_header("Allow", "GET, POST")
        self.end_headers()

server = HTTPServer(("127.0.0.1", 8123), Api)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
market.set("pulse:state", json.dumps({"spot": {"SPX": {"price": 1, "levels": [{"strike": 5}]}}, "none": None}))
market.hset("pulse:rows", mapping={"one": json.dumps({"a": 1}), "two": "text"})
market.publish("pulse:events", json.dumps([{"kind": "up"}]))
market.get("there is none")
market.get("pulse:state")
server.serve_forever()
"""


def test_routes_fields_and_missing_keys_are_seen(start: Start) -> None:
    report = start(SERVER, world=replace(WORLD, paths=("/api/trades", "/api/none")))
    assert report.ports == {8123}
    assert report.routes == {"/api/trades", "GET /api/trades", "POST /api/trades"}
    state = ("spot", "spot.SPX", "spot.SPX.price", "spot.SPX.levels", "none")
    assert report.fields == {
        *(f"market-redis:pulse:state {path}" for path in state),
        "market-redis:pulse:rows one", "market-redis:pulse:rows one a", "market-redis:pulse:rows two",
        "market-redis:pulse:events [].kind",
    }  # fmt: skip
    assert report.missing == {"market-redis:there is none"}


def test_what_is_awaited_is_waited_for_and_no_longer(start: Start) -> None:
    main = (
        "import redis, threading, time\nr = redis.Redis(port=6379)\nr.set('pulse:heartbeat', 1)\n"
        "def late():\n    time.sleep(0.6)\n    r.set('pulse:7:slow', 1)\n    time.sleep(60)\n"
        "threading.Thread(target=late, daemon=True).start()\ntime.sleep(60)\n"
    )
    assert "system-redis:pulse:7:slow" not in start(main).keys
    report = start(main, awaited=Awaited(served=(r"system\-redis:pulse:.+:slow",)))
    assert "system-redis:pulse:7:slow" in report.keys


def test_a_field_that_is_awaited_is_waited_for(start: Start) -> None:
    main = (
        "import redis, threading, time\nr = redis.Redis(port=6379)\nr.set('pulse:heartbeat', 1)\n"
        'r.set("pulse:roster", \'{"up": 1}\')\n'
        'def late():\n    time.sleep(0.6)\n    r.set(\'pulse:roster\', \'{"up": 1, "members": {"mesh": 1}}\')\n'
        "    time.sleep(60)\nthreading.Thread(target=late, daemon=True).start()\ntime.sleep(60)\n"
    )
    name, lost = "system-redis:pulse:roster", "system-redis:pulse:roster members.mesh"
    report = start(main, awaited=Awaited(served=(name,)))
    assert (name in report.keys, lost in report.fields) == (True, False)
    assert lost in start(main, awaited=Awaited(served=(name,), fields=(lost,))).fields


def test_a_service_that_never_beats(start: Start, isolation: Isolation, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "import time\nprint('hm', flush=True)\ntime.sleep(60)\n")
    report = boot(isolation, PYTHON, tree, WORLD, waits=replace(QUICK, heartbeat_s=0.3))
    assert (report.alive, report.first_heartbeat_s, report.output) == (True, None, "hm\n")


def test_a_service_that_does_not_stop_is_killed(start: Start) -> None:
    main = (
        "import redis, signal, time\nsignal.signal(signal.SIGTERM, lambda *_: None)\n"
        "redis.Redis(port=6379).set('pulse:heartbeat', 1)\nwhile True: time.sleep(1)\n"
    )
    report = start(main)
    assert (report.stopped_late, report.exit_code) == (True, -9)


def test_a_flood_of_output_is_bounded(start: Start) -> None:
    report = start("for n in range(400_000): print('line', n)\nraise SystemExit('the end')\n")
    assert report.output.startswith("line 0\nline 1\n")
    assert report.output.endswith("the end\n")
    assert "bytes of output dropped" in report.output
    assert len(report.output) < 1_000_000


FORGE = """\
import glob, os, signal
tried = []
parent = os.getppid()
for fd in glob.glob(f"/proc/{parent}/fd/*") or [f"/proc/{parent}/fd/{n}" for n in range(3, 12)]:
    try:
        open(fd, "wb").write(b'{"exit_code": 0, "problem": null}')
        tried.append(fd)
    except OSError:
        pass
for number in range(3, 64):
    try:
        os.write(number, b'{"exit_code": 0, "problem": null, "alive": true}')
    except OSError:
        pass
try:
    open(f"/proc/{parent}/mem", "rb+")
    tried.append("mem")
except OSError:
    pass
print(tried, [name for name in os.environ if "AUTOHEALER" in name], flush=True)
raise SystemExit(3)
"""


def test_the_report_cannot_be_forged(start: Start) -> None:
    report = start(FORGE)
    assert (report.output, report.exit_code, report.alive) == ("[] []\n", 3, False)


def test_killing_the_supervisor_gives_no_verdict(start: Start) -> None:
    report = start("import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(5)\n")
    assert report.problem is not None
    assert not report.alive


def test_nothing_but_its_own_buses_can_be_reached(start: Start) -> None:
    main = (
        "import socket\n"
        "for address in (('127.0.0.1', 3306), ('10.0.0.1', 80), ('example.org', 80)):\n"
        "    try:\n        socket.create_connection(address, 2)\n        print('reached', address)\n"
        "    except OSError as error:\n        print(type(error).__name__)\n"
    )
    report = start(main)
    assert "reached" not in report.output
    assert report.output.splitlines() == ["ConnectionRefusedError", "OSError", "gaierror"]


def test_an_isolation_without_a_network_of_its_own_boots_nothing(tmp_path: Path) -> None:
    class Seatbelt:
        name = "seatbelt"

    report = boot(Seatbelt(), PYTHON, tmp_path, WORLD)  # type: ignore[arg-type]
    assert report == BootReport(problem="seatbelt gives a box no network of its own to boot a service in")
