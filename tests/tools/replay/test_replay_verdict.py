"""What is said of a boot: a pure comparison, and words that are the same for the same observations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.boot import BootReport
from tools.logs import last_crash, map_frames
from tools.replay import bisect, judge, serves_less
from tools.replay.crashes import crashes
from tools.replay.culprit import doubts, functions_in, ran_by_name
from tools.replay.served import both, common, missing, unvaried
from tools.replay.told import told
from tools.replay.verdict import is_same, stack_of, still_said

RULES = "services/vigil/intel/rules.py"
TRACE = """\
Traceback (most recent call last):
  File "{root}/services/vigil/main.py", line {line}, in <module>
    asyncio.run(main())
  File "{root}/services/vigil/intel/rules.py", line {line}, in {function}
    return price - close
  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode
    raise JSONDecodeError("Expecting value", s, err.value) from None
{error}
"""
NONE = "TypeError: unsupported operand type(s) for -: 'float' and 'NoneType'"
BEATS = BootReport(alive=True, first_heartbeat_s=0.2, exit_code=0, signal="SIGTERM")


def trace(error: str = NONE, *, root: str = "/work", line: int = 41, function: str = "check") -> str:
    return TRACE.format(error=error, root=root, line=line, function=function)


def exists(path: str) -> bool:
    return path in ("services/vigil/main.py", RULES)


def crash(text: str):
    found = last_crash(text.encode())
    assert found is not None
    return map_frames(found, exists)


INCIDENT = crash(trace(root="/Users/ernie/MarketSwarm", line=38))


def judged(report: BootReport, incident=INCIDENT):
    return judge(report, incident, "vigil", exists)


def test_the_same_exception_at_the_same_place_is_reproduced_whatever_the_line() -> None:
    found = judged(BootReport(output=trace(), exit_code=1))
    assert (found.verdict, found.why) == ("reproduced", f"TypeError at {RULES}:41 in check")


@pytest.mark.parametrize(
    "text", [trace("ValueError: no"), trace(function="other"), trace().replace("rules.py", "main.py")]
)
def test_another_type_function_or_file_is_another_crash(text: str) -> None:
    assert judged(BootReport(output=text, exit_code=1)).verdict == "other_crash"


def test_it_counts_however_it_is_told_and_whatever_else_is() -> None:
    noise = "[2026-01-01 10:00:00][vigil][ERROR] feed failed: Connect call failed\n"
    task = f"Task exception was never retrieved\nfuture: <Task finished>\n{trace()}"
    for text in (noise + trace() + noise, task):
        assert judged(replace(BEATS, shutdown_output=text)).verdict == "reproduced"


@pytest.mark.parametrize(
    "error", ["ModuleNotFoundError: No module named '{}'", "ImportError: cannot import name '{}'"]
)
def test_an_import_is_the_same_only_if_the_same_is_missing(error: str) -> None:
    one, same, other = (crash(trace(error.format(name), function="<module>")) for name in ("a", "a", "b"))
    assert is_same(one, same, "vigil")
    assert not is_same(one, other, "vigil")


def test_a_comprehension_counts_for_the_function_around_it() -> None:
    frame = f'  File "/work/{RULES}", line 42, in <listcomp>\n    return [x for x in y]\n  File "/usr/lib'
    inner = crash(trace().replace('  File "/usr/lib', frame))
    assert stack_of(inner, "vigil")[0] == (RULES, "check")
    assert is_same(inner, INCIDENT, "vigil")


def test_a_swallowed_error_is_matched_by_its_line() -> None:
    line = "[2026-02-{:02}T10:00:00][vigil][ERROR] orchestrator internal error: pid {} has no 'close'\n"
    incident = crash(line.format(1, 17))
    assert incident.kind == "error_line"
    assert judged(replace(BEATS, output=line.format(9, 4711)), incident).verdict == "reproduced"
    assert judged(replace(BEATS, output="[2026-02-01][vigil][ERROR] other\n"), incident).verdict == "beats"


@pytest.mark.parametrize(
    "text",
    [
        "Exception ignored in: <function AbstractConnection.__del__ at 0x7f>\n"
        + trace("RuntimeError: Event loop is closed"),
        trace("KeyboardInterrupt: "),
        trace("asyncio.exceptions.CancelledError"),
        trace("ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 3002)"),
        "[2026-01-01 10:00:00][vigil][ERROR] heartbeat late\n",
    ],
)
def test_what_a_healthy_service_may_write(text: str) -> None:
    assert judged(replace(BEATS, shutdown_output=text)).verdict == "beats"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("OSError: [Errno 101] Network is unreachable", "a connection that the box does not allow"),
        (
            "socket.gaierror: [Errno -3] Temporary failure in name resolution",
            "a connection that the box does not",
        ),
        (
            "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host api.x.ai:443",
            "a connection that",
        ),
    ],
)
def test_a_death_by_the_missing_network_is_told_apart(error: str, why: str) -> None:
    found = judged(BootReport(output=trace(error), exit_code=1))
    assert found.verdict == "unclear"
    assert found.why.startswith(why)


def test_no_report_no_heartbeat_and_a_silent_end() -> None:
    assert judged(BootReport(problem="no room")).why == "the service could not be booted: no room"
    waiting = judged(BootReport(alive=True))
    assert (waiting.verdict, "without a heartbeat" in waiting.why) == ("unclear", True)
    ended = judged(BootReport(exit_code=0, output="bye\n"))
    assert (ended.verdict, ended.why) == ("other_crash", "it ended by itself with exit code 0 and no error")
    beaten = judged(replace(BEATS, alive=False, signal=None, exit_code=3))
    assert beaten.verdict == "other_crash"


def test_every_traceback_and_error_line_is_found() -> None:
    text = f"[t][vigil][ERROR] first\n{trace('KeyError: 1')}noise\n{trace('KeyError: 2')}"
    assert [each.kind for each in crashes(text)] == ["error_line", "traceback", "traceback"]


def test_a_cancellation_is_a_crash_where_the_incident_ended_with_one_and_else_comes_of_stopping() -> None:
    text = trace("asyncio.exceptions.CancelledError") + trace("KeyboardInterrupt: ")
    stopped = replace(BEATS, shutdown_output=text)
    crash = last_crash(trace("asyncio.exceptions.CancelledError").encode())
    assert crash is not None
    assert judge(stopped, map_frames(crash, exists), "vigil", exists).verdict == "reproduced"
    assert judged(stopped).verdict == "beats"
    assert list(crashes(text, "KeyboardInterrupt")) == []


def test_an_error_that_is_caught_and_logged_is_still_said() -> None:
    line = f"[2026-01-01 10:00:00][vigil][{{}}] rule failed: {NONE.partition(': ')[2]}\n"
    logged = judged(replace(BEATS, output=line.format("ERROR")))
    assert (logged.verdict, logged.why[:30]) == ("reproduced", "it is logged as an error: rule")
    assert still_said(replace(BEATS, output=line.format("WARN")), INCIDENT) is None
    assert still_said(BEATS, INCIDENT) is None
    assert still_said(BEATS, None) is None


def test_words_do_not_depend_on_times_or_addresses() -> None:
    texts = set()
    for number in (1, 2):
        output = f"[2026-01-0{number} 10:00:00][vigil][INFO] up in <Loop at 0x7f00{number}aab0>\n"
        report = BootReport(exit_code=0, output=output, first_heartbeat_s=number)
        texts.add(told("replay::x", judged(report), report))
    assert len(texts) == 1
    assert texts.pop() == (
        "replay::x FAILED (other crash: it ended by itself with exit code 0 and no error)\n"
        "[vigil][INFO] up in <Loop at 0x...>"
    )


def test_words_show_the_way_to_the_error() -> None:
    report = BootReport(output=trace(), exit_code=1)
    assert told("replay::x", judged(report), report).splitlines() == [
        f"replay::x FAILED (reproduced: TypeError at {RULES}:41 in check)",
        "  services/vigil/main.py:41 in <module>",
        "      asyncio.run(main())",
        f"  {RULES}:41 in check",
        "      return price - close",
        "  /usr/lib/python3.11/json/decoder.py:355 in raw_decode",
        '      raise JSONDecodeError("Expecting value", s, err.value) from None',
        NONE,
    ]


SERVED = BootReport(
    keys=frozenset({"m:state", "m:bar:1700000001", "s:vigil:heartbeat"}),
    channels=frozenset({"m:events"}),
    subscriptions=frozenset({"m:spot"}),
    ports=frozenset({8123, 45678}),
    late_keys=frozenset({"s:vigil:heartbeat"}),
    late_channels=frozenset({"m:events"}),
    fields=frozenset({"m:state spot", "m:state spot.SPX", "m:state spot.SPX.price", "m:bar:1700000001 v"}),
    routes=frozenset({"/health", "/api/trades", "POST /api/trades"}),
)


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"keys": frozenset({"m:bar:1", "s:vigil:heartbeat"})}, ["key no longer served: m:state"]),
        ({"channels": frozenset()}, ["channel no longer served: m:events"]),
        ({"subscriptions": frozenset()}, ["subscription no longer served: m:spot"]),
        ({"ports": frozenset()}, ["port no longer served: 8123"]),
        (
            {"routes": frozenset({"/health", "/api/trades"})},
            ["route no longer served: POST /api/trades"],
        ),
        (
            {"fields": frozenset({"m:state spot", "m:bar:7 v"})},
            ["field no longer served: m:state spot.SPX"],
        ),
        ({"late_channels": frozenset()}, ["once the messages came again, no longer served: m:events"]),
        ({"keys": SERVED.keys | {"m:new"}, "late_keys": frozenset(), "ports": frozenset({8123, 40000})}, []),
    ],
)
def test_serving_less(change, lost) -> None:
    assert serves_less(SERVED, replace(SERVED, **change)) == lost


def test_as_many_of_a_kind_must_be_served() -> None:
    before = frozenset({"i:article:1f2a", "i:article:9c0b", "i:one"})
    assert missing(before, frozenset({"i:article:77", "i:article:78", "i:one"})) == set()
    assert missing(before, frozenset({"i:article:1f2a", "i:one"})) == {"i:article:9c0b"}


def test_what_is_not_served_every_time_is_no_loss() -> None:
    other = replace(SERVED, channels=frozenset(), ports=frozenset({8123}))
    assert both(SERVED, other).channels == SERVED.channels
    assert common(SERVED, other).channels == frozenset()
    assert (
        serves_less(common(SERVED, other), other)
        == ["once the messages came again, no longer served: m:events"][:0]
    )


def test_numbers_and_ids_in_names_do_not_matter() -> None:
    assert unvaried("redis-6390:job:9f8e7d6c-1234-4abc-8def-001122334455:7") == "redis-6390:job:#:#"
    assert unvaried("m:gex:model") == "m:gex:model"


def test_a_function_is_known_by_its_last_name() -> None:
    reached = frozenset({f"{RULES}:Rule.check", f"{RULES}:<module>"})
    assert ran_by_name(reached, (RULES, "check"))
    assert not ran_by_name(reached, (RULES, "Rule"))
    assert not ran_by_name(reached, ("services/vigil/main.py", "check"))


STACK = [(RULES, "check"), (RULES, "step"), ("services/vigil/main.py", "main")]


def reached(*names: str) -> frozenset[str]:
    return frozenset(f"{RULES}:{name}" for name in names)


@pytest.mark.parametrize(
    ("functions", "first", "late", "defined", "doubt"),
    [
        (("Rule.check",), (), (), {"check", "step"}, None),
        (("step",), (), (), {"check", "step"}, "check in services/vigil/intel/rules.py was not reached"),
        (("step",), (), (), {"step"}, None),
        ((), (), (), set(), "check in services/vigil/intel/rules.py was not reached"),
        (("check",), ("check", "step"), ("check",), {"check", "step"}, None),
        (("check",), ("check", "step"), ("step",), {"check", "step"}, None),
        (("check",), ("check", "step"), (), {"check", "step"}, "took the messages once and then no more"),
    ],
)
def test_what_crashed_must_have_run_on(functions, first, late, defined, doubt) -> None:
    report = replace(
        BEATS, functions=reached(*functions), first_functions=reached(*first), late_functions=reached(*late)
    )
    found = doubts(report, STACK, lambda place: place[1] in defined)
    assert [doubt in each for each in found] == ([True] if doubt else [])


def test_functions_of_a_file() -> None:
    source = b"class A:\n    async def one(self):\n        def two(): pass\n"
    assert functions_in("x.py", source) == {"<module>", "one", "two"}
    assert functions_in("x.py", b"def broken(") == set()


@pytest.mark.parametrize("broken", range(1, 10))
def test_bisection_finds_the_change(broken: int) -> None:
    commits = [f"c{number}" for number in range(10)]
    asked = []

    def observe(commit: str):
        asked.append(commit)
        return "other_crash" if int(commit[1:]) < broken else "beats"

    found = bisect(observe, commits, 60)
    assert (found.good, found.bad, found.exact) == (f"c{broken}", f"c{broken - 1}", True)
    assert len(asked) <= 6


def test_bisection_without_a_good_commit_or_time() -> None:
    assert bisect(lambda _: "unclear", ["a", "b", "c"], 60).good is None
    assert bisect(lambda _: "beats", ["a"], 60).good is None
    found = bisect(lambda _: "beats", ["a", "b"], 0)
    assert (found.good, found.bad, found.exact) == (None, None, False)
