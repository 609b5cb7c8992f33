"""Tests of tasks: a function sees to those that it starts.

Before the repair the error of such a task reaches nobody, so what the incident ended with is nowhere to be
seen in a test. It fails by its claim there: it comes with the patch, and the proof does not count it.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Literal

import libcst as cst

from agent.model.builtin.incident import Incident, Spot
from agent.model.builtin.regression.calls import Calling, Target, calling, patches, start, target_of, write
from agent.model.builtin.regression.imports import Test, test_path
from agent.model.builtin.regression.mended import function_at, same_function
from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.source import Source, Unreadable, name_of, parse

Care = Literal["raised", "grouped", "listed", "ended", "wrapped"]
"""How a task is seen to: its error is raised, in a group or not; it is in a list; it ends with the function;
another function runs it."""
WAITS = ("async def waits(*_, **__):", "    await asyncio.Event().wait()", "")


@dataclass(frozen=True, slots=True)
class Started:
    """A coroutine that became a task of its own, and how it is seen to; `holder` is its list or wrapper."""

    coroutine: cst.Call
    care: Care
    holder: str
    error: str


def task_test(incident: Incident, spot: Spot, base: Source, mended: str, started: Started) -> Test | None:
    """What the repaired function does with a task that fails, or that goes on; None where it is not plain."""
    try:
        source = parse(mended)
        before = function_at(base, spot.line)
        after = same_function(source, base, before) if before is not None else None
        if after is None or after.asynchronous is None:
            return None
        target = target_of(spot.path, source, after)
        reader = start(target, tasks=True)
        return _written(incident, target, reader, base.code(started.coroutine.func), started)
    except (Unclear, Unreadable):
        return None


def _written(incident: Incident, target: Target, reader: Reader, code: str, started: Started) -> Test:
    own = reader.known.get(f" {target.bound}") if target.bound else None
    named = [own] if own is not None and started.care == "listed" else []
    given: list[str] = []
    task = (reader.tasks or {}).get(code)
    if started.care == "wrapped":
        named += [_made(reader, started), _patched(reader, started.holder)]
    elif task is None:
        raise Unclear("what it runs is not given")
    elif started.care == "ended":
        given, task.code = list(WAITS), "waits"
    else:
        task.raises = f'{_plain(started.error)}("it failed")'
    call = calling(target, reader, named)
    body = _claims(call, target, reader, started)
    stem = target.name.strip("_")
    title = f"{target.name}() sees to {name_of(started.coroutine.func)}(), which it starts."
    lines = [*given, *patches(target, reader, named)]
    text = write(target, title, f"test_{stem}_sees_to_its_tasks", lines, body)
    return test_path(incident, f"{stem}_tasks"), text


def _claims(call: Calling, target: Target, reader: Reader, started: Started) -> list[str]:
    plain = [*call.before, call.run]
    if started.care in ("raised", "grouped"):
        error = "ExceptionGroup" if started.care == "grouped" else _plain(started.error)
        return [*call.before, f"with pytest.raises({error}):", f"    {call.run}"]
    if started.care == "wrapped":
        made = f"{name_of(_maker(started))}.return_value"
        return [*plain, f"assert {made} in [one.args[0] for one in {started.holder}.call_args_list]"]
    scenario = [*call.before, f"await {call.code}"]
    if started.care == "ended":
        scenario += ["assert asyncio.all_tasks() == {asyncio.current_task()}"]
    else:
        first, _, rest = started.holder.partition(".")
        if first != target.bound or not rest or "." in rest:
            raise Unclear("a list that the test does not have")
        scenario += [
            f"ended = await asyncio.gather(*{target.variable}.{rest}, return_exceptions=True)",
            f"assert any(isinstance(one, {_plain(started.error)}) for one in ended)",
        ]
    return ["async def scenario():", *(f"    {line}" for line in scenario), "", "asyncio.run(scenario())"]


def _plain(name: str) -> str:
    """An error of Python's own that a test can make: the one of the incident where it is such a one."""
    kind = getattr(builtins, name, None)
    plain = isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError)
    return name if plain else "RuntimeError"


def _maker(started: Started) -> cst.BaseExpression | None:
    """What makes the object whose method the task runs."""
    owner = started.coroutine.func.value if isinstance(started.coroutine.func, cst.Attribute) else None
    return owner.func if isinstance(owner, cst.Call) else None


def _made(reader: Reader, started: Started) -> Need:
    maker = _maker(started)
    if not isinstance(maker, cst.Name):
        raise Unclear("its object is made elsewhere")
    made = _patched(reader, maker.value)
    made.called().attribute(name_of(started.coroutine.func)).called(awaited=True).want()
    return made


def _patched(reader: Reader, name: str) -> Need:
    if name not in reader.patched:
        raise Unclear("it is not given")
    return reader.patched[name]
