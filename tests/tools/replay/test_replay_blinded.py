"""Patches that leave the crash where it was and blind what looks for it: none of them is gone without a word."""

from __future__ import annotations

from typing import Any

import pytest

from tools.replay import gone
from tools.replay.crashes import crashes

PRICES, MAIN, CALC = (f"services/pulse/{name}.py" for name in ("intel/prices", "main", "intel/calc"))
DEF = "def change_pct(spot):\n"
DIVIDES = '    return (float(spot["price"]) - spot["prev_close"]) / spot["prev_close"] * 100\n'
EVENT = '        event = {"symbol": spot["symbol"], "change": change_pct(spot)}\n'
PLAIN = EVENT.replace("change_pct(spot)", 'len(spot["symbol"]) * 0.0')
IMPORT = "from shared.redis_io import messages, publish\n"
WORKER = "class PriceWorker:\n"
RUN = "if __name__ =="
POOLED = f"from concurrent.futures import ThreadPoolExecutor\n\n{IMPORT}\nPOOL = ThreadPoolExecutor(1)\n"
TAKEN = EVENT.replace("change_pct(spot)", "change").replace(
    "        event",
    "        change = 0.0\n        try:\n            change = change_pct(spot)\n"
    "        except TypeError:\n            self.market.lost = 1\n        event",
)
NEVER = f"change_pct in {PRICES} was entered and never came back"
Edits = list[tuple[str, str]]


def handled(block: str, after: str = "") -> str:
    return f"    try:\n    {DIVIDES}    except TypeError as error:\n        {block}\n{after}"


def importing(*lines: str) -> tuple[str, str]:
    return IMPORT, "\n".join(lines) + f"\n\n{IMPORT}"


def nameless(name: str) -> Edits:
    """The error has a type whose name reads like something else, and is taken by who called."""
    return [
        (DEF, f"Odd = type(TypeError)({name!r}, (TypeError,), {{}})\n\n\n{DEF}"),
        (DIVIDES, handled("raise Odd(*error.args) from error")),
        (EVENT, TAKEN),
    ]


def by_finally(last: str) -> Edits:
    return [
        (
            DIVIDES,
            f"    change = 0.0\n    try:\n        change = float({DIVIDES[11:-1]})\n    finally:\n{last}",
        )
    ]


IN_A_POOL = [(IMPORT, POOLED), (EVENT, f"{PLAIN}        POOL.submit(change_pct, spot)\n")]
TAKER = (
    "\n\nclass Told:\n    def __enter__(self):\n        return self\n\n"
    "    def __exit__(self, *error):\n        yield error\n"
)
NOISE = (
    "def _noise(number):\n    raise type(ValueError)(f'V{number}', (ValueError,), {})\n\n\n",
    "    for number in range(26_000):\n        try:\n            _noise(number)\n"
    "        except ValueError:\n            str.strip('')\n",
)
TELLER = """\
class Teller:
    def __init__(self, spot):
        self.spot = spot

    def write(self, text):
        try:
            change_pct(self.spot)
        except TypeError as error:
            self.died = str(error)


"""
HANGING = {
    "in a thread": [
        importing("from threading import Event, Thread"),
        (DIVIDES, f"    Event().wait()\n{DIVIDES}"),
        (EVENT, f"{PLAIN}        Thread(target=change_pct, args=(spot,), daemon=True).start()\n"),
    ],
    "in a thread, now and then": [
        importing("from threading import Event, Thread"),
        (DIVIDES, f'    if not spot["prev_close"]:\n        Event().wait()\n{DIVIDES}'),
        (
            EVENT,
            f"{PLAIN}        change_pct({{**spot, 'prev_close': 1.0}})\n"
            "        Thread(target=change_pct, args=(spot,), daemon=True).start()\n",
        ),
    ],
    "as a task": [
        importing("import asyncio"),
        (DEF, f"async {DEF}"),
        (DIVIDES, f"    await asyncio.Event().wait()\n{DIVIDES}"),
        (
            EVENT,
            f"{PLAIN}        self.asked = asyncio.ensure_future(change_pct(spot))\n"
            "        await asyncio.sleep(0)\n",
        ),
    ],
    "as a generator": [
        (DIVIDES, f"    yield spot\n{DIVIDES.replace('return', 'yield')}"),
        (EVENT, f"{PLAIN}        next(change_pct(spot))\n"),
    ],
}
TOLD = {
    "a type without a name": (nameless(""), "ended with an exception without a name, unseen"),
    "a type named by a line": (
        nameless(f"\nE {PRICES}:change_pct ->"),
        "ended with an exception without a name, unseen",
    ),
    "a generator that says it is closed": (
        [
            (DIVIDES, handled("raise GeneratorExit from None").replace("return", "yield")),
            (
                EVENT,
                f"{PLAIN}        try:\n            next(change_pct(spot))\n"
                "        except GeneratorExit:\n            self.market.lost = 1\n",
            ),
        ],
        "ended with GeneratorExit, unseen",
    ),
    "while a module is loaded": (
        [
            importing("from contextlib import redirect_stdout"),
            (WORKER, TELLER + WORKER),
            (
                EVENT,
                f"{PLAIN}        change_pct({{**spot, 'prev_close': 1.0}})\n"
                "        with redirect_stdout(Teller(spot)):\n            import this\n",
            ),
        ],
        "TypeError still leaves change_pct",
    ),
    "moved, another type": (
        [
            (DIVIDES, '    return len(spot["symbol"]) * 0.0\n'),
            (DEF, f"def _change(spot):\n{handled('raise ValueError(*error.args) from error')}\n\n{DEF}"),
            (IMPORT, POOLED),
            (EVENT, f"{EVENT}        POOL.submit(_change, spot)\n"),
        ],
        "ValueError still leaves _change",
    ),
    "finally and return": (by_finally("        return change\n"), "TypeError still comes up in change_pct"),
    "a handler by another name": (
        [(DEF, f"ANY = Exception\n\n\n{DEF}"), (DIVIDES, handled("return abs(0.0)").replace("TypeError", "ANY"))],
        "TypeError still comes up in change_pct",
    ),
    "an old function that takes it": (
        [
            (IMPORT, f"{IMPORT}{TAKER}"),
            (DIVIDES, f'    if not spot.get("prev_close"):\n        return 0.0\n{DIVIDES}'),
            (
                EVENT,
                f"{EVENT}        with Told():\n"
                '            event["more"] = spot["price"] / spot["prev_close"] - spot["prev_close"]\n',
            ),
        ],
        "TypeError still comes up in PriceWorker.",
    ),
    "a helper that takes it": (
        [
            (DIVIDES, "    return _change(spot)\n"),
            (DEF, f"def _change(spot):\n{handled('return abs(0.0)')}\n\n{DEF}"),
        ],
        "TypeError still comes up in _change",
    ),
}  # fmt: skip


def told_of(case: Any, edits: Edits, path: str = PRICES) -> list[str]:
    """What is told of a patch: why it is not gone, else what is still raised."""
    patch = case.patch([(path, old, new) for old, new in edits])
    return gone(case.replay, patch) or case.replay.escapes(patch)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
def test_an_error_that_is_hidden_in_another_way_is_told(unguarded: Any, name: str) -> None:
    edits, told = TOLD[name]

    said = told_of(unguarded, edits)
    assert any(told in each for each in said), said


@pytest.mark.slow
@pytest.mark.parametrize("name", HANGING)
def test_a_culprit_that_never_comes_back_is_not_gone(unguarded: Any, name: str) -> None:
    assert told_of(unguarded, HANGING[name]) == [NEVER]


@pytest.mark.slow
def test_a_thread_of_the_plainest_kind_is_seen(unguarded: Any) -> None:
    start = f"{PLAIN}        in_background(change_pct, (spot,))\n"
    edits = [importing("from _thread import start_new_thread as in_background"), (EVENT, start)]

    assert any("TypeError" in each for each in told_of(unguarded, edits))


@pytest.mark.slow
def test_an_error_in_a_thread_of_the_plainest_kind_is_seen_though_nothing_is_printed(unguarded: Any) -> None:
    start = f"{PLAIN}        in_background(Asked(spot).take, ())\n"
    taker = TELLER.replace("Teller", "Asked").replace("def write(self, text)", "def take(self)")
    imports = importing("from _thread import start_new_thread as in_background")

    told = told_of(unguarded, [imports, (WORKER, taker + WORKER), (EVENT, start)])
    assert any("TypeError" in each for each in told)


METER = "class Meter:\n    def change_pct(self):\n        return self.__class__.__qualname__\n\n\n"
UNTRIED = {
    "a decoy": [(EVENT, f"{PLAIN}        change_pct({{**spot, 'prev_close': 1.0}})\n")],
    "a namesake": [
        (DEF, "def _change_pct(spot):\n"),
        (WORKER, METER + WORKER),
        (EVENT, f"{PLAIN}        Meter().change_pct()\n"),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a decoy", "ran, but never on what crashed it"),
        ("a namesake", ", which crashed, is not there any more"),
    ],
)
def test_a_culprit_that_was_not_tried_on_what_crashed_it_is_told(
    unguarded: Any, name: str, told: str
) -> None:
    decoy = unguarded.patch([(PRICES, old, new) for old, new in UNTRIED[name]])
    guard = '    if not spot.get("prev_close"):\n        return 0.0\n'
    honest = unguarded.patch([(PRICES, DEF, DEF + guard)])

    [said] = unguarded.replay.overlooked(decoy)
    assert said.startswith(f"change_pct in {PRICES}") and said.endswith(told)
    assert unguarded.replay.overlooked(honest) == unguarded.replay.escapes(honest) == []


@pytest.mark.slow
def test_a_second_definition_of_the_culprit_is_told(unguarded: Any) -> None:
    guard = '    if not spot.get("prev_close"):\n        return 0.0\n'
    second = unguarded.patch([(PRICES, DEF, f"{DEF}    return 0.0\n\n\n{DEF}{guard}")])

    assert f"change_pct is defined more than once in {PRICES}" in unguarded.replay.overlooked(second)


def notes_of_its_own(then: str) -> str:
    line = f'b"1 {PRICES}:change_pct\\nE {PRICES}:change_pct ->\\n"'
    return (
        "def let_go():\n    for number in range(3, 64):\n        try:\n"
        f'            with open(number, "wb", buffering=0) as left:\n                {then.format(line=line)}\n'
        f"        except OSError as error:\n            str.strip(error.strerror)\n\n\nlet_go()\n{RUN}"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("left.write({line})", "the service wrote where only what traces it writes"),
        ("left.fileno()", "part of what traces it was lost"),
    ],
)
def test_who_takes_the_place_of_the_tracer_is_told(unguarded: Any, then: str, why: str) -> None:
    edits = [(MAIN, RUN, notes_of_its_own(then)), (PRICES, EVENT, TAKEN)]
    patch = unguarded.patch(edits)

    assert gone(unguarded.replay, patch) == [f"it beats, but what it ran cannot be told: {why}"]


@pytest.mark.slow
def test_more_ends_than_are_kept_are_told(unguarded: Any) -> None:
    flood = [(DEF, f"{NOISE[0]}{DEF}"), (DIVIDES, NOISE[1] + DIVIDES), *IN_A_POOL]

    [told] = told_of(unguarded, flood)
    assert told.startswith("it beats, but what it ran cannot be told: ")


@pytest.mark.slow
def test_a_name_that_is_too_long_to_be_told_is_told(unguarded: Any) -> None:
    long = "Change" * 400
    call = (DIVIDES, f"    return {long}.asked({{**spot, 'prev_close': 1.0}})\n")
    told = told_of(
        unguarded,
        [call, (DEF, f"class {long}:\n    @staticmethod\n    def asked(spot):\n    {DIVIDES}\n\n{DEF}")],
    )
    assert told == ["it beats, but what it ran cannot be told: a function ran whose name cannot be told"]


IGNORED = """\
Exception ignored in{how}: <function change_pct at 0x7f>
Traceback (most recent call last):
  File "/work/services/pulse/intel/prices.py", line 9, in change_pct
    return spot["price"] / spot["prev_close"]
{error}
"""


@pytest.mark.parametrize(
    ("how", "error", "seen"),
    [
        (" thread started by", "ValueError: odd", True),
        ("", "TypeError: unsupported operand", True),
        ("", "ValueError: odd", False),
    ],
)
def test_what_python_only_mentions_counts_where_it_is_the_incidents(how: str, error: str, seen: bool) -> None:
    output = IGNORED.format(how=how, error=error)

    assert bool(list(crashes(output, "TypeError", (PRICES, "change_pct")))) is seen
