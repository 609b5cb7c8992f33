"""What is said of a Node boot: its errors compared with the incident's, functions by their plain names."""

from __future__ import annotations

import pytest

from sandbox.boot import BootReport
from tools.logs import last_crash
from tools.replay import judge
from tools.replay.crashes import crashes
from tools.replay.culprit import Culprit, functions_in, never_through, ran_by_name
from tools.replay.javascript import function_name, functions_of
from tools.replay.outside import network_cause, outside_cause
from tools.replay.verdict import stack_of

RULES = "services/sse/src/rules.js"
TYPE_ERROR = "TypeError: Cannot read properties of null (reading 'price')"
TRACE = """\
{root}/services/sse/src/rules.js:{line}
    return spot.price;
                ^

{error}
    at {function} ({root}/services/sse/src/rules.js:{line}:17)
    at Feed.onMessage ({root}/services/sse/src/feed.js:45:15)
    at Socket.emit (node:events:524:28){tail}

Node.js v20.20.2
"""


def trace(
    error: str = TYPE_ERROR,
    *,
    root: str = "/work",
    line: int = 41,
    function: str = "Rules.check",
    tail: str = "",
) -> str:
    return TRACE.format(error=error, root=root, line=line, function=function, tail=tail)


def judged(output: str, incident: str) -> str:
    crash = last_crash(incident.encode())
    assert crash is not None and crash.kind == "node"
    report = BootReport(output=output, exit_code=1)
    return judge(report, crash, "sse", lambda path: path.startswith("services/sse/")).verdict


INCIDENT = trace(root="/Users/ernie/MarketSwarm", line=38)
PLAIN = "Error: no session for user-1"


@pytest.mark.parametrize(
    ("output", "verdict"),
    [
        (trace(), "reproduced"),
        (trace("TypeError: Cannot read properties of undefined (reading 'spot')"), "reproduced"),
        (trace("RangeError: no"), "other_crash"),
        (trace(function="other"), "other_crash"),
        (trace(TYPE_ERROR.replace("TypeError", "TypeError [ERR_X]")), "other_crash"),
    ],
)
def test_an_error_is_the_same_by_type_code_and_place(output: str, verdict: str) -> None:
    assert judged(output, INCIDENT) == verdict


def test_a_plain_error_is_told_by_its_message() -> None:
    incident = trace(PLAIN, root="/Users/ernie/MarketSwarm", line=38)
    assert judged(trace(PLAIN.replace("user-1", "user-22")), incident) == "reproduced"
    assert judged(trace("Error: the socket is closed"), incident) == "other_crash"


def test_a_module_that_is_missing_is_told_by_its_name() -> None:
    tail = " {\n  code: 'MODULE_NOT_FOUND'\n}"
    incident = trace("Error: Cannot find module './hub'", function="Object.<anonymous>", tail=tail)
    other = incident.replace("./hub", "./feed")
    assert judged(incident, incident) == "reproduced"
    assert judged(other, incident) == "other_crash"


def test_every_error_of_a_run_is_found_in_order() -> None:
    logged = "[2026-11-22 10:00:00][sse][ERROR] ❌ proxy failed\n"
    output = f"{trace('RangeError: one')}\n{logged}\n{trace()}"
    found = list(crashes(output))
    assert [each.kind for each in found] == ["node", "error_line", "node"]
    assert [each.final.name for each in found if each.final] == ["RangeError", "", "TypeError"]


@pytest.mark.parametrize(
    ("error", "tail"),
    [
        ("Error: connect ECONNREFUSED 127.0.0.1:3306", " {\n  code: 'ECONNREFUSED'\n}"),
        ("Error: getaddrinfo ENOTFOUND api.example.org", " {\n  code: 'ENOTFOUND'\n}"),
        ("Error: Access denied for user 'x'", " {\n  code: 'ER_ACCESS_DENIED_ERROR'\n}"),
        (
            "TypeError: fetch failed",
            " {\n  [cause]: Error: connect ECONNREFUSED 127.0.0.1:3005\n"
            "      at TCPConnectWrap.afterConnect (node:net:1607:16) {\n    code: 'ECONNREFUSED'\n  }\n}",
        ),
    ],
)
def test_connections_that_fail_are_not_the_code_s(error: str, tail: str) -> None:
    crash = last_crash(trace(error, tail=tail).encode())
    assert crash is not None
    assert outside_cause(crash, "sse") is not None
    assert network_cause(crash) is not None
    assert judged(trace(error, tail=tail), INCIDENT) == "unclear"


@pytest.mark.parametrize(
    ("logged", "plain"),
    [
        ("Feed.onMessage", "onMessage"),
        ("Object.<anonymous>", "<module>"),
        ("Socket.<anonymous>", "<anonymous>"),
        ("<anonymous>", "<anonymous>"),
        ("new Gateway", "Gateway"),
        ("Timeout._onTimeout", "<anonymous>"),
        ("Object.toEvent [as convert]", "toEvent"),
        ("get Feed.state [as state]", "state"),
        ("Module.exports.load", "load"),
        ("spotTick", "spotTick"),
    ],
)
def test_a_function_has_one_plain_name(logged: str, plain: str) -> None:
    assert function_name(logged) == plain


def test_nameless_functions_count_for_what_called_them() -> None:
    crash = last_crash(INCIDENT.replace("Rules.check", "Array.<anonymous>").encode())
    assert crash is not None
    assert stack_of(crash, "sse") == [("services/sse/src/feed.js", "onMessage")]
    alone = last_crash("\n".join(INCIDENT.splitlines()[:6]).replace("Rules.check", "<anonymous>").encode())
    assert alone is not None
    assert stack_of(alone, "sse") == [(RULES, "<anonymous>")]


SCRIPT = b"""\
import { other } from './x.js';
export default class Feed extends Base {
  #count = 0;
  static async start(config) {
    if (config) { return new Feed(); }
    for (const a of b) { call(a); }
  }
  get state() { return this.#count; }
  *rows(model) { }
  handler = (event) => { };
}
async function* stream(a, b) { }
const arrow = async (x) => x, single = y => y, old = function () { };
module.exports = { inline: (z) => z, shorthand(q) { } };
exports.named = function inner() { };
"""


def test_the_functions_of_a_script_are_found() -> None:
    names = functions_of(SCRIPT)
    defined = {"Feed", "start", "state", "rows", "handler", "stream", "arrow", "single", "old"}
    assert defined | {"inline", "shorthand", "named", "inner", "<module>", "<anonymous>"} <= names
    assert not {"if", "for", "call", "other", "return"} & names
    assert functions_in("services/sse/a.mjs", SCRIPT) == names


def test_what_ran_is_matched_by_plain_names() -> None:
    functions = frozenset({f"{RULES}:get state", f"{RULES}:exports.named", f"{RULES}:<module>"})
    assert ran_by_name(functions, (RULES, "state")) and ran_by_name(functions, (RULES, "named"))
    assert ran_by_name(functions, (RULES, "<anonymous>"))
    assert not ran_by_name(functions, (RULES, "check"))


def test_a_culprit_that_only_ends_by_errors_never_gets_through() -> None:
    ends, check = frozenset({f"{RULES}:check TypeError", f"{RULES}:other ->"}), Culprit((RULES, "check"))
    told = f"each time that check in {RULES} ran, it ended with TypeError, unseen"
    assert never_through(BootReport(ends=ends), BootReport(), check) == [told]
    assert never_through(BootReport(ends=ends | {f"{RULES}:check ->"}), BootReport(), check) == []
