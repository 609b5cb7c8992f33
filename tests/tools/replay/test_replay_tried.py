"""Whether a patch was tried on what crashed: a call on anything else, however alike, is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from sandbox.boot import BootReport
from tools.replay import gone
from tools.replay.culprit import Culprit, overlooked
from tools.replay.definitions import Definition
from tools.replay.tried import Calls, tried

PRICES, MAIN = "services/pulse/intel/prices.py", "services/pulse/main.py"
DEF = "def change_pct(spot):\n"
DOC = '    """The change since the previous close in per cent."""\n'
DIVIDES = '    return (float(spot["price"]) - spot["prev_close"]) / spot["prev_close"] * 100\n'
EVENT = '        event = {"symbol": spot["symbol"], "change": change_pct(spot)}\n'
IMPORT = "from shared.redis_io import messages, publish\n"
GUARD = '    if not spot.get("prev_close"):\n        return 0.0\n'
NEVER = [f"change_pct in {PRICES} ran, but never on what crashed it"]
UNTELLABLE = [f"whether change_pct in {PRICES} ran on what crashed it cannot be told"]
GOOD = {"symbol": "VIX", "price": 17.5, "prev_close": 16.0, "ts": 1_700_000_000.0}
BAD = {"symbol": "SPX", "price": 5012.5, "prev_close": None, "ts": 1_700_000_060.0}
Edits = list[tuple[str, str]]
NEEDS_SETTRACE = sys.version_info < (3, 12)


def decoy(data: str, before: str = "", after: str = "") -> Edits:
    """What crashed is let be, and the culprit called on something else in its place."""
    asked = f"        spot = spot if spot.get('prev_close') else {data}\n"
    return [(EVENT, f"{asked}{before}{EVENT}{after}")]


def switched(flag: str, on: str, off: str, asks: str) -> Edits:
    """The culprit is called on what crashed it, with a switch by which it looks at nothing."""
    return [
        (IMPORT, f"{IMPORT}\n{flag}\n"),
        (DIVIDES, f"    if {asks}:\n        return 0.0\n{DIVIDES}"),
        (
            EVENT,
            f"        bad = not spot.get('prev_close')\n        if bad:\n            {on}\n{EVENT}        {off}\n",
        ),
    ]


DECOYS = {
    "another time": [*decoy("{**spot, 'ts': spot['ts'] - 60}"), (DIVIDES, f"{GUARD}{DIVIDES}")],
    "deep": decoy("{**spot, 'prev_close': {'a': [[[[[1.0]]]]]}['a'][0][0][0][0][0]}"),
    "a switch of the module": switched(
        "ASKED = {'quietly': False}", "ASKED['quietly'] = True", "ASKED['quietly'] = False", "ASKED['quietly']"
    ),
    "a switch of a class": switched(
        "class Asked:\n    quietly = False\n\n", "Asked.quietly = True", "Asked.quietly = False", "Asked.quietly"
    ),
    "a switch of the context": switched(
        "from contextvars import ContextVar\n\nQUIETLY = ContextVar('QUIETLY', default=False)\n",
        "QUIETLY.set(True)", "QUIETLY.set(False)", "QUIETLY.get()",
    ),
}  # fmt: skip
HONEST = {
    "a guard": [(DIVIDES, f"{GUARD}{DIVIDES}")],
    "a guard that counts": [
        (IMPORT, f"{IMPORT}\nSKIPPED = []\n"),
        (DIVIDES, f"    if not spot.get('prev_close'):\n        SKIPPED.append(spot)\n        return 0.0\n{DIVIDES}"),
    ],
    "a guard by a constant": [(IMPORT, f"{IMPORT}\nUNKNOWN = 0.0\n"), (DIVIDES, GUARD.replace("0.0", "UNKNOWN") + DIVIDES)],
}  # fmt: skip


@pytest.fixture
def opened(checkout: Any, bare: Any, open_case: Any) -> Callable[..., Any]:
    """Pulse without its guard, given these spots."""

    def made(*spots: Mapping[str, Any]) -> Any:
        guard = '    if not spot.get("prev_close"):\n        return 0.0\n'
        commit = checkout.commit("pulse: no guard", [(PRICES, guard, "")])
        return open_case(commit, bare.log(checkout, messages=list(spots)), messages=list(spots))

    return made


def overlooked_by(case: Any, edits: Edits) -> list[str]:
    patch = case.patch([(PRICES, old, new) for old, new in edits])
    assert gone(case.replay, patch) == []
    told: list[str] = case.replay.overlooked(patch)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", DECOYS)
def test_a_call_on_something_else_is_told(opened: Any, name: str) -> None:
    assert overlooked_by(opened(GOOD, BAD), DECOYS[name]) == NEVER


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("spots", [(GOOD, BAD), (BAD, GOOD)], ids=["good first", "bad first"])
def test_an_honest_guard_is_tried_on_what_crashed(opened: Any, name: str, spots: Sequence[Any]) -> None:
    assert overlooked_by(opened(*spots), HONEST[name]) == []


@pytest.mark.slow
def test_of_data_that_are_too_large_it_is_said_that_it_cannot_be_told(opened: Any) -> None:
    large = {**BAD, "strikes": list(range(30_000))}

    assert overlooked_by(opened(GOOD, large), HONEST["a guard"]) == UNTELLABLE


@pytest.mark.slow
def test_data_of_some_size_are_told_whole(opened: Any) -> None:
    large = {**BAD, "strikes": list(range(3_000))}
    case = opened(GOOD, large)

    assert overlooked_by(case, HONEST["a guard"]) == []
    last = decoy("{**spot, 'prev_close': None, 'strikes': [*spot['strikes'][:-1], 0]}")
    assert overlooked_by(case, [*last, (DIVIDES, f"{GUARD}{DIVIDES}")]) == NEVER


LOST = "it beats, but what it ran cannot be told: part of what traces it was lost"
QUIET = "import sys\nimport threading\n"
BROWSER = """\
import queue
import threading
import webbrowser

ASKED = queue.Queue()


class Changes:
    is_open = False

    def open(self, url, new=0, autoraise=True):
        self.is_open = True
        while True:
            spot, done = ASKED.get()
            try:
                change(spot)
            except TypeError as error:
                self.error = str(error)
            done.set()


CHANGES = Changes()
webbrowser.register("changes", None, CHANGES, preferred=True)


def change(spot):
"""
IN_A_BROWSER = [
    (
        PRICES,
        DEF + DOC + DIVIDES,
        f"{BROWSER}{DIVIDES}\n\n{DEF}    if not CHANGES.is_open:\n    {DIVIDES}    done = threading.Event()\n    ASKED.put((spot, done))\n"
        "    done.wait()\n    return 0.0\n",
    ),
    (MAIN, "import sys\n", "import sys\nimport threading\nimport time\n"),
    (
        MAIN,
        "async def main():\n",
        "def look_out():\n    import antigravity\n\n\nasync def main():\n"
        "    threading.Thread(target=look_out, daemon=True).start()\n    time.sleep(0.2)\n",
    ),
]
DEEP = (
    "from collections import UserList\nfrom concurrent.futures import ThreadPoolExecutor, wait\n"
    "from functools import reduce\n\nPOOL = ThreadPoolExecutor(1)\n"
    "HELD = reduce(lambda held, _: UserList([held]), range(2000), UserList())\n\n\n"
    "def deep(more):\n    return deep(more - 1) if more else repr(HELD)\n\n\n"
    "wait([POOL.submit(deep, more) for more in range(4)])\n\n\n"
    f"def change(spot, told):\n    told.append({DIVIDES[11:-1]})\n\n\n{DEF}"
)
IN_A_DEEP_THREAD = [
    (PRICES, DEF, DEEP),
    (PRICES, DIVIDES, "    told = []\n    wait([POOL.submit(change, spot, told)])\n    return told[0] if told else 0.0\n"),
]  # fmt: skip
OFF = {
    "named": "    sys.settrace(None)\n",
    "by another name": "    getattr(sys, 'set' + 'trace')(None)\n",
    "for threads": "    threading.settrace(None)\n",
    "of a frame": (
        "    try:\n        sys.intern(0)\n"
        "    except TypeError as error:\n        error.__traceback__.tb_frame.f_trace = None\n"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OFF)
def test_who_turns_the_tracer_off_is_told(opened: Any, name: str) -> None:
    case = opened(GOOD, BAD)
    patch = case.patch([(PRICES, IMPORT, QUIET + IMPORT), (PRICES, DIVIDES, f"{OFF[name]}{GUARD}{DIVIDES}")])
    if name == "by another name" and not NEEDS_SETTRACE:
        assert gone(case.replay, patch) == []
    else:
        assert gone(case.replay, patch) == [LOST]


@pytest.mark.slow
@pytest.mark.skipif(NEEDS_SETTRACE, reason="before 3.12 there is no sys.monitoring")
@pytest.mark.parametrize("call", ["free_tool_id(4)", "set_events(4, 0)"])
def test_who_takes_the_tool_of_the_tracer_is_told(opened: Any, call: str) -> None:
    case = opened(GOOD, BAD)
    off = f"    if sys.monitoring.get_tool(4):\n        sys.monitoring.{call}\n"
    patch = case.patch([(PRICES, IMPORT, QUIET + IMPORT), (PRICES, DIVIDES, f"{off}{GUARD}{DIVIDES}")])

    assert gone(case.replay, patch) == [LOST]


@pytest.mark.slow
@pytest.mark.parametrize("edits", [IN_A_BROWSER, IN_A_DEEP_THREAD], ids=["in a browser", "in a deep thread"])
def test_a_thread_is_not_let_out_of_sight(opened: Any, edits: Any) -> None:
    case = opened(GOOD, BAD)
    patch = case.patch(edits)

    told = gone(case.replay, patch) or case.replay.escapes(patch)
    assert told == [LOST] or any("TypeError still" in each for each in told), told


PLACE = (PRICES, "run")
ONE, OTHER = "a0001aaaaaaaa", "a0001bbbbbbbb"


def report_of(*ends: str, pending: Sequence[str] = ()) -> BootReport:
    named = f"{PRICES}:run"
    told = frozenset(f"{named} {how}" for how in ends)
    return BootReport(functions=frozenset({named}), ends=told, pending=frozenset(pending))


@pytest.mark.parametrize(
    ("base", "patched", "told"),
    [
        (("%" + ONE,), ("&" + ONE,), []),
        (("%" + ONE,), ("&" + OTHER,), ["but"]),
        (("%" + ONE, "=" + OTHER, "->"), ("&" + ONE, "=" + OTHER), ["but"]),
        (("%" + ONE, "=" + OTHER, "->"), ("&" + ONE, "=" + ONE), []),
    ],
)
def test_a_call_that_lives_on_counts_where_it_did_on_the_base(
    base: Sequence[str], patched: Sequence[str], told: list[str]
) -> None:
    culprit = Culprit(PLACE, Definition("run", lives_on=frozenset({"suspended"})))
    before = report_of(*base)
    said = overlooked(report_of(*patched, pending=["suspended"]), before, culprit, lambda: before)

    assert [each.split()[4] for each in said] == told


def calls(crashed: str = "", came_back: Sequence[str] = (), given: Sequence[str] = ()) -> Calls:
    return Calls(frozenset([crashed] if crashed else []), frozenset(came_back), frozenset(given))


@pytest.mark.parametrize(
    ("base", "again", "patched", "found"),
    [
        ("*", "*", OTHER, "tried"),
        ("", "", ONE, "cannot be told"),
        (ONE, ONE, OTHER, "not tried"),
        (ONE, ONE, "?", "cannot be told"),
        (ONE, OTHER, OTHER, "cannot be told"),
        (ONE + "s0002cccccccc", ONE + "s0002dddddddd", ONE + "s0002eeeeeeee", "tried"),
        (ONE + "s0002cccccccc", OTHER + "s0002cccccccc", ONE + "s0002eeeeeeee", "not tried"),
        ("a0001????????", "a0001????????", "a0001????????", "cannot be told"),
        ("a0001????????", "a0001????????", OTHER, "cannot be told"),
        (ONE + "c0002cccccccc", ONE + "c0002cccccccc", ONE + "c0002dddddddd", "tried"),
        ("", "", "", "cannot be told"),
    ],
)
def test_what_is_another_one_at_each_start_is_left_out(
    base: str, again: str, patched: str, found: str
) -> None:
    assert tried(calls(base), calls(came_back=[patched]), lambda: calls(again)) == found


def test_what_is_otherwise_for_some_calls_only_is_a_switch() -> None:
    base = calls(ONE + "c0002cccccccc", came_back=[OTHER + "c0002cccccccc"])
    switch = calls(came_back=[ONE + "c0002dddddddd", OTHER + "c0002cccccccc"])
    constant = calls(came_back=[ONE + "c0002dddddddd", OTHER + "c0002dddddddd"])

    assert tried(base, switch, lambda: base) == "not tried"
    assert tried(base, constant, lambda: base) == "tried"
