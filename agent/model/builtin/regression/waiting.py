"""Tests of what waits: a cancellation gets through, and others have their turn while a function works.

What crashed there says only that something was late, in another place, or has no traceback at all. So such
a test fails by its claim without the repair, and not as the incident did: it comes with the patch, and the
proof does not count it. There is none for a function that never returns and holds up the loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from agent.model.builtin.incident import Incident, Spot
from agent.model.builtin.regression.calls import Calling, Target, calling, patches, start, target_of, write
from agent.model.builtin.regression.imports import Test, test_path
from agent.model.builtin.regression.mended import function_at, same_function
from agent.model.builtin.regression.needs import Unclear
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.regression.way import hold, lead
from agent.model.builtin.source import Source, Unreadable, name_of, parse

SLOW = "Mock(side_effect=lambda *_, **__: time.sleep(0.3))"
MOST_S = 2.0
"""The longest real pause that a test may make."""


def cancel_test(incident: Incident, spot: Spot, base: Source, mended: str) -> Test | None:
    """A coroutine that swallowed its cancellation ends when it is cancelled."""
    found = _target(spot, base, mended)
    if found is None:
        return None
    target, _ = found
    try:
        reader = start(target)
        for root in [need for name, need in reader.known.items() if name.startswith(" ")]:
            for need in root.every():
                need.code = "0.01" if need.code == "0" and not need.used else need.code
        _taken_once(base, reader, spot)
        call = calling(target, reader)
        scenario = [
            *call.before,
            f"task = asyncio.create_task({call.code})",
            "await asyncio.sleep(0.05)",
            "task.cancel()",
            "done, _ = await asyncio.wait([task], timeout=1)",
            "assert done",
        ]
        # asyncio.run() would wait for ever for a task that does not end.
        run = ["loop = asyncio.new_event_loop()", "loop.run_until_complete(scenario())", "loop.close()"]
        return _written(incident, target, reader, "ends_when_it_is_cancelled", [*_inner(scenario), *run])
    except Unclear:
        return None


def _taken_once(base: Source, reader: Reader, spot: Spot) -> None:
    """The handler at a place works once: a task that takes everything is to end with the test.

    Raises:
        Unclear: nothing given ends it.
    """
    at = [one for one in base.nodes(cst.ExceptHandler) if base.line(one) == spot.line]
    for loop in (one for handler in at for one in base.above(handler) if isinstance(one, cst.While)):
        hold(reader, loop.test, truth=True)
    calls = [call for handler in at for call in base.nodes(cst.Call, handler.body)]
    for call in calls:
        parent = base.parents.get(call)
        need = reader.told(parent if isinstance(parent, cst.Await) else call)
        if need is not None and need.owner is not None and need.owner.answer is need:
            need.owner.turns = ("None",)
            return
    raise Unclear("nothing given ends it")


def turn_test(
    incident: Incident, spot: Spot, base: Source, mended: str, calls: dict[cst.Call, str]
) -> Test | None:
    """While a coroutine makes its calls, by their dotted names, another one has its turns."""
    found = _target(spot, base, mended)
    if found is None:
        return None
    target, function = found
    try:
        reader = start(target)
        lead(base, reader, next(iter(calls)), function)
        slow = [line for call, what in calls.items() for line in _slowed(base, target, reader, call, what)]
        return _written(incident, target, reader, "lets_others_run", _ticking(calling(target, reader)), slow)
    except Unclear:
        return None


def _target(spot: Spot, base: Source, mended: str) -> tuple[Target, cst.FunctionDef] | None:
    function = function_at(base, spot.line)
    try:
        source = parse(mended)
        after = same_function(source, base, function) if function is not None else None
        if function is None or after is None or after.asynchronous is None:
            return None
        return target_of(spot.path, source, after), function
    except (Unreadable, Unclear):
        return None


def _slowed(base: Source, target: Target, reader: Reader, call: cst.Call, what: str) -> list[str]:
    """Make a blocking call take its time: a stand-in's, or a module's for which a line is written."""
    if what == "time.sleep":
        given = call.args[0].value if call.args else None
        if not isinstance(given, cst.Integer | cst.Float) or not 0.2 <= given.evaluated_value <= MOST_S:
            raise Unclear("a pause of another length")
        return []
    if what:
        return [f'monkeypatch.setattr("{what}", {SLOW})']
    need = reader.of(call.func)
    if need is not None:
        need.code = SLOW
        return []
    return [f'monkeypatch.setattr("{target.module}.{name_of(call.func)}", {SLOW})']


def _ticking(call: Calling) -> list[str]:
    tick = ["while True:", "    ticks.append(1)", "    await asyncio.sleep(0.01)"]
    scenario = [
        *call.before,
        "ticks = []",
        "",
        "async def tick():",
        *(f"    {line}" for line in tick),
        "",
        "ticker = asyncio.create_task(tick())",
        f"await {call.code}",
        "ticker.cancel()",
        "assert len(ticks) > 4",
    ]
    return [*_inner(scenario), "asyncio.run(scenario())"]


def _inner(lines: list[str]) -> list[str]:
    return ["async def scenario():", *(f"    {line}" if line else "" for line in lines), ""]


def _written(
    incident: Incident,
    target: Target,
    reader: Reader,
    what: str,
    body: list[str],
    slow: Sequence[str] = (),
) -> Test:
    stem = target.name.strip("_")
    title = f"{target.name}() {what.replace('_', ' ')}."
    patched = [*patches(target, reader), *slow]
    text = write(target, title, f"test_{stem}_{what}", patched, body)
    return test_path(incident, f"{stem}_{what}"), text
