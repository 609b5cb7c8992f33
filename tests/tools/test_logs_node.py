"""Node.js errors, as Node 20 and 24 printed them."""

from __future__ import annotations

from tools.logs import Crash, last_crash

IN_USE = """\
[2026-11-22T10:00:00.000Z][sse][INFO] 🚀 listening soon
node:events:502
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use :::3001
    at Server.setupListenHandle [as _listen2] (node:net:1908:16)
    at listenInCluster (node:net:1965:12)
    at Server.<anonymous> (/Users/ernie/MarketSwarm/services/sse/src/index.js:41:17)
    at process.processTicksAndRejections (node:internal/process/task_queues:81:21)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1944:8)
    at process.processTicksAndRejections (node:internal/process/task_queues:82:21) {
  code: 'EADDRINUSE',
  errno: -98,
  syscall: 'listen',
  address: '::',
  port: 3001
}

Node.js v20.20.2
"""


def parsed(log: str) -> Crash:
    crash = last_crash(log.encode())
    assert crash is not None
    return crash


def test_error_event_with_its_code() -> None:
    crash = parsed(IN_USE)
    assert crash.kind == "node" and crash.final is not None
    assert (crash.final.type, crash.final.code) == ("Error", "EADDRINUSE")
    assert crash.final.frames[-1].function == "Server.setupListenHandle [as _listen2]"
    assert "emitErrorNT" not in {frame.function for frame in crash.final.frames}
    culprit = crash.culprit("sse")
    assert culprit is not None and (culprit.path, culprit.line) == (
        "/Users/ernie/MarketSwarm/services/sse/src/index.js",
        41,
    )
    assert crash.text.startswith("node:events:502") and crash.text.endswith("Node.js v20.20.2")


def test_excerpt_above_and_async_frames() -> None:
    crash = parsed(
        """\
/srv/services/sse/src/models.js:12
  return model.levels.map(render)
                      ^

TypeError: Cannot read properties of undefined (reading 'map')
    at toEvent (/srv/services/sse/src/models.js:12:23)
    at async Promise.all (index 0)
    at async push (file:///srv/services/sse/src/push%20loop.mjs:7:3)

Node.js v24.19.0
"""
    )
    assert crash.final is not None and crash.final.name == "TypeError"
    assert [frame.path for frame in crash.final.frames] == [
        "/srv/services/sse/src/push loop.mjs",
        "/srv/services/sse/src/models.js",
    ]


def test_cause_comes_before_what_it_caused() -> None:
    crash = parsed(
        """\
/srv/services/sse/src/config.js:4
  throw new Error('loading config failed', { cause: error })
        ^

Error: loading config failed
    at load (/srv/services/sse/src/config.js:4:9)
    ... 5 lines matching cause stack trace ...
    at node:internal/main/run_main_module:28:49 {
  [cause]: SyntaxError: Expected property name or '}' in JSON at position 1
      at JSON.parse (<anonymous>)
      at parse (/srv/services/sse/src/config.js:2:12)
}

Node.js v20.20.2
"""
    )
    assert [(error.relation, error.name) for error in crash.errors] == [
        ("cause", "SyntaxError"),
        ("raised", "Error"),
    ]
    assert crash.errors[0].frames[-1].function == "parse"


def test_missing_module_names_who_required_it() -> None:
    crash = parsed(
        """\
node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module './routes'
Require stack:
- /srv/services/sse/src/index.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at Module._load (node:internal/modules/cjs/loader:1038:27) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/srv/services/sse/src/index.js' ]
}

Node.js v20.20.2
"""
    )
    assert crash.final is not None
    assert (crash.final.message, crash.final.code) == ("Cannot find module './routes'", "MODULE_NOT_FOUND")
    assert crash.final.frames[-1].path == "/srv/services/sse/src/index.js"


def test_missing_es_module_names_its_importer() -> None:
    crash = parsed(
        """\
node:internal/modules/esm/resolve:283
    throw new ERR_MODULE_NOT_FOUND(
          ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/srv/services/sse/src/x.mjs' imported from /srv/services/sse/src/a.mjs
    at finalizeResolution (node:internal/modules/esm/resolve:283:11) {
  code: 'ERR_MODULE_NOT_FOUND',
  url: 'file:///srv/services/sse/src/x.mjs'
}

Node.js v20.20.2
"""
    )
    assert crash.final is not None and crash.final.code == "ERR_MODULE_NOT_FOUND"
    assert crash.final.frames[-1].path == "/srv/services/sse/src/a.mjs"


def test_syntax_error_is_where_the_excerpt_says() -> None:
    crash = parsed(
        """\
/srv/services/sse/src/syn.js:2
  return 1
         ^

SyntaxError: Unexpected number
    at wrapSafe (node:internal/modules/cjs/loader:1464:18)
    at Object.<anonymous> (/srv/services/sse/src/index.js:1:1)

Node.js v20.20.2
"""
    )
    assert crash.final is not None
    place = crash.final.frames[-1]
    assert (place.path, place.line, place.code) == ("/srv/services/sse/src/syn.js", 2, "return 1")


def test_missing_export_of_an_es_module() -> None:
    crash = parsed(
        """\
file:///srv/services/sse/src/index.mjs:3
import { start } from './server.mjs';
         ^^^^^
SyntaxError: The requested module './server.mjs' does not provide an export named 'start'
    at ModuleJob._instantiate (node:internal/modules/esm/module_job:213:21)

Node.js v20.20.2
"""
    )
    culprit = crash.culprit("sse")
    assert culprit is not None and (culprit.path, culprit.line) == ("/srv/services/sse/src/index.mjs", 3)


def test_rejection_with_a_value_that_is_no_error() -> None:
    crash = parsed(
        """\
node:internal/process/promises:389
      new UnhandledPromiseRejection(reason);
      ^

UnhandledPromiseRejection: This error originated either by throwing inside of an async function without a catch block, or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason "late".
    at throwUnhandledRejectionsMode (node:internal/process/promises:389:7) {
  code: 'ERR_UNHANDLED_REJECTION'
}

Node.js v20.20.2
"""
    )
    assert crash.final is not None and crash.final.code == "ERR_UNHANDLED_REJECTION"


def test_older_form_of_an_unhandled_rejection() -> None:
    crash = parsed(
        """\
node:internal/process/promises:288
            triggerUncaughtException(err, true /* fromPromise */);
            ^

[UnhandledPromiseRejection: This error originated in a promise. The promise rejected with the reason "x".] {
  code: 'ERR_UNHANDLED_REJECTION'
}

Node.js v18.1.0
"""
    )
    assert crash.final is not None
    assert (crash.final.type, crash.final.code) == ("UnhandledPromiseRejection", "ERR_UNHANDLED_REJECTION")


def test_aggregate_error_ends_with_its_first_member() -> None:
    crash = parsed(
        """\
node:internal/process/promises:391
    triggerUncaughtException(err, true /* fromPromise */);
    ^

[AggregateError: All promises were rejected] {
  [errors]: [
    Error: connect ECONNREFUSED 127.0.0.1:6380
        at TCPConnectWrap.afterConnect (node:net:1611:16),
    RangeError: b
        at f (/srv/services/sse/src/index.js:1:60)
  ]
}

Node.js v20.20.2
"""
    )
    assert [(error.relation, error.name) for error in crash.errors] == [
        ("raised", "AggregateError"),
        ("member", "RangeError"),
        ("member", "Error"),
    ]
    assert crash.errors[0].message == "All promises were rejected"


def test_class_of_the_service_and_message_of_two_lines() -> None:
    crash = parsed(
        """\
/srv/services/sse/src/index.js:1
class Stale extends Error {}; function g() { throw new Stale('model\\nold') }; g()
                                             ^

Stale [Error]: model
old
    at g (/srv/services/sse/src/index.js:1:49)

Node.js v20.20.2
"""
    )
    assert crash.final is not None
    assert (crash.final.type, crash.final.message, crash.final.code) == ("Stale", "model\nold", None)


def test_thrown_value_that_is_no_error() -> None:
    crash = parsed("\n/srv/services/sse/src/index.js:7\nthrow {a:1}\n^\n{ a: 1 }\n\nNode.js v20.20.2\n")
    assert crash.kind == "node" and crash.final is not None
    assert (crash.final.message, crash.final.frames[-1].line) == ("{ a: 1 }", 7)


def test_logged_errors_are_parsed_one_by_one() -> None:
    crash = parsed(
        """\
[2026-11-22T10:00:00.000Z][sse][ERROR] request failed: TypeError: first
    at w (/srv/services/sse/src/a.js:1:21)
TypeError: second
    at v (/srv/services/sse/src/b.js:2:21)
    at node:internal/main/run_main_module:28:49
"""
    )
    assert crash.final is not None and crash.final.message == "second"
    assert [frame.function for frame in crash.final.frames if "sse" in frame.path] == ["v"]


def test_heap_limit_is_an_error_line() -> None:
    crash = parsed(
        """\
<--- Last few GCs --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0xb87bc0 node::Abort() [node]
"""
    )
    assert crash.kind == "error_line" and crash.final is not None
    assert "heap out of memory" in crash.final.message
