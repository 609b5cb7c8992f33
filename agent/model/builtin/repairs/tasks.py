"""Tasks that nobody awaits: put among those that the service already sees to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from agent.model.builtin.coroutines import place_of
from agent.model.builtin.regression import Care, Started, task_test
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, after, arguments, before, expression, name_of
from agent.model.builtin.talk import Asking

STARTERS = ("create_task", "ensure_future")
_ENDING = re.compile(
    r"\bclos(?:e|ed|ing)\b|cancel|shut ?down|ConnectionError|no running event loop", re.IGNORECASE
)
"""What a task says that was left running while the rest of the service ended."""
CLOSERS = ("aclose", "close", "wait_closed", "disconnect", "stop")


@dataclass(frozen=True, slots=True)
class Lost:
    """A task that is started at `call` by a statement of its own, and never looked at again."""

    path: str
    source: Source
    statement: cst.SimpleStatementLine
    call: cst.Call
    coroutine: cst.Call
    function: cst.FunctionDef


def lost_task(scene: Scene) -> Asking[list[Candidate]]:
    """The task that crashed, if nobody awaits it: supervised as its siblings are, else ended in order.

    Every other repair comes first: this one does not mend why the task failed.
    """
    spots = scene.trouble.spots
    if not spots or spots[0].function == "<module>" or not spots[0].path.endswith(".py"):
        # The way to the crash begins with the coroutine of a task, or else the service's main awaits it.
        return []
    matches = yield from scene.desk.grep(
        rf"\b(?:{'|'.join(STARTERS)})\(", path=scene.incident.root.rstrip("/")
    )
    paths = [one.path for one in matches if one.path.endswith(".py") and "/tests/" not in one.path]
    found: list[Candidate] = []
    for path in dict.fromkeys(paths):
        source = yield from scene.source(path)
        for lost in _lost(path, source, spots[0].function) if source else ():
            found += _seen_to(scene, lost, ending=_ENDING.search(scene.trouble.text) is not None)
    return found


def _lost(path: str, source: Source, name: str) -> Iterator[Lost]:
    """Tasks of a coroutine function that are started and dropped."""
    for call in source.nodes(cst.Call):
        coroutine = arguments(call)[0] if name_of(call.func) in STARTERS and arguments(call) else None
        if not isinstance(coroutine, cst.Call) or name_of(coroutine.func) != name:
            continue
        statement, function = source.statement_of(call), source.function_of(call)
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) > 1 or function is None:
            continue
        if _is_dropped(source, statement.body[0], call, function):
            yield Lost(path, source, statement, call, coroutine, function)


def _is_dropped(source: Source, part: cst.CSTNode, call: cst.Call, function: cst.FunctionDef) -> bool:
    if isinstance(part, cst.Expr):
        return part.value is call and not _in_group(source, call)
    if not isinstance(part, cst.Assign) or part.value is not call:
        return False
    target = part.targets[0].target
    uses = [one for one in source.nodes(cst.Name, function) if source.code(one) == source.code(target)]
    return isinstance(target, cst.Name) and len(uses) == 1


def _in_group(source: Source, call: cst.Call) -> bool:
    """Whether a task is started by a task group, which awaits it."""
    owner = source.code(call.func.value) if isinstance(call.func, cst.Attribute) else ""
    return owner in {name for one in source.above(call) for name in _groups(source, one)}


def _groups(source: Source, node: cst.CSTNode) -> Iterator[str]:
    """The names of the task groups that a `with` opens."""
    for item in node.items if isinstance(node, cst.With) else ():
        if (
            name_of(item.item.func if isinstance(item.item, cst.Call) else None) == "TaskGroup"
            and item.asname
        ):
            yield source.code(item.asname.name)


def _seen_to(scene: Scene, lost: Lost, *, ending: bool) -> Iterator[Candidate]:
    """The ways to see to a task, in the manner of the code around."""
    source, siblings = lost.source, list(_siblings(lost))
    coroutine, wrapper = source.code(lost.coroutine), ""
    for sibling in siblings:
        wrapped = _wrapped(lost, sibling)
        if wrapped is not None:
            coroutine, wrapper = wrapped, wrapped.partition("(")[0]
            break
    why = f"the task of {name_of(lost.coroutine.func)}() was started and never looked at: "
    group = next((name for one in source.above(lost.call) for name in _groups(source, one)), None)
    kept = next((name for one in siblings if (name := _list_of(source, one))), None)
    if group is not None:
        code = f"{group}.create_task({coroutine})"
        yield _offer(scene, lost, {lost.call: expression(code)}, f"{why}its group awaits it", "grouped")
    if kept is not None and (wrapper or ending or _is_awaited(source, kept)):
        care: Care = "wrapped" if wrapper else "listed" if "." in kept else "raised"
        told = f"{why}it is one of {kept} now"
        yield _offer(scene, lost, _listed(lost, kept, coroutine), told, care, wrapper or kept)
    elif kept is None and group is None and (changes := _gathered(lost, coroutine)):
        yield _offer(scene, lost, changes, f"{why}it is awaited with the others now", "raised")
    elif kept is None and group is None and ending and (changes := _ended(lost)):
        yield _offer(scene, lost, changes, f"{why}it ends before what it works with is closed", "ended")


def _offer(
    scene: Scene, lost: Lost, changes: dict[cst.CSTNode, Change], why: str, care: Care, holder: str = ""
) -> Candidate:
    text, spot = lost.source.changed(changes), place_of(lost.path, lost.source, lost.call)
    started = Started(lost.coroutine, care, holder, scene.trouble.name.rpartition(".")[2])
    test = task_test(scene.incident, spot, lost.source, text, started)
    return Candidate(why, {lost.path: text}, rank=6, spot=spot, tests=(test,) if test else ())


def _siblings(lost: Lost) -> Iterator[cst.Call]:
    """Other tasks that are started in the same function, then in the same class."""
    source = lost.source
    owner = source.first(lost.function, cst.ClassDef)
    for within in (lost.function, owner):
        for call in source.nodes(cst.Call, within) if within is not None else ():
            if name_of(call.func) in STARTERS and call is not lost.call and arguments(call):
                yield call


def _list_of(source: Source, call: cst.Call) -> str | None:
    """The list that a sibling is put into."""
    for parent in source.above(call):
        if isinstance(parent, cst.Call) and name_of(parent.func) == "append":
            return source.code(parent.func.value) if isinstance(parent.func, cst.Attribute) else None
        if isinstance(parent, cst.Assign):
            held = isinstance(parent.value, cst.List | cst.ListComp)
            return source.code(parent.targets[0].target) if held else None
        if isinstance(parent, cst.BaseSmallStatement):
            return None
    return None


def _is_awaited(source: Source, name: str) -> bool:
    """Whether what fails among the tasks of a list is raised where they are awaited."""
    for call in source.nodes(cst.Call):
        if name_of(call.func) not in ("gather", "wait"):
            continue
        silent = any(name_of(arg.keyword) == "return_exceptions" for arg in call.args)
        given = [part for arg in call.args for part in source.every(arg.value)]
        parts = {source.code(one) for one in given if isinstance(one, cst.BaseExpression)}
        if not silent and name in parts:
            return True
    return False


def _wrapped(lost: Lost, sibling: cst.Call) -> str | None:
    """The coroutine within the function that its siblings run in, if that awaits the same method."""
    source, outer = lost.source, arguments(sibling)[0]
    if not isinstance(outer, cst.Call) or not isinstance(lost.coroutine.func, cst.Attribute):
        return None
    around = [one for one in source.nodes(cst.FunctionDef) if one.name.value == name_of(outer.func)]
    parameters = [one.name.value for one in around[0].params.params] if len(around) == 1 else []
    names = [one for one in parameters if one not in ("self", "cls")]
    if not names or not outer.args:
        return None
    ran = f"{names[0]}.{name_of(lost.coroutine.func)}"
    if not any(source.code(one.func) == ran for one in source.nodes(cst.Call, around[0])):
        return None
    rest = [source.code(one).rstrip(", ") for one in outer.args[1:]]
    return f"{source.code(outer.func)}({', '.join([source.code(lost.coroutine.func.value), *rest])})"


def _listed(lost: Lost, name: str, coroutine: str) -> dict[cst.CSTNode, Change]:
    """The task appended to a list: where it is started, or below where the list is made."""
    source = lost.source
    named = "".join(f", {source.code(arg).rstrip(', ')}" for arg in lost.call.args[1:])
    line = f"{name}.append({source.code(lost.call.func)}({coroutine}{named}))\n"
    made = [
        statement
        for one in source.nodes(cst.Assign, lost.function)
        if source.code(one.targets[0].target) == name and (statement := source.statement_of(one)) is not None
    ]
    if made and source.line(made[-1]) > source.line(lost.statement):
        return {lost.statement: lambda _: cst.RemoveFromParent(), made[-1]: after(line)}
    whole = cst.ensure_type(cst.parse_statement(line), cst.SimpleStatementLine)
    return {
        lost.statement: lambda node: cst.ensure_type(node, cst.SimpleStatementLine).with_changes(
            body=whole.body
        )
    }


def _gathered(lost: Lost, coroutine: str) -> dict[cst.CSTNode, Change]:
    """The coroutine among those that the same function gathers, with what fails in them raised."""
    source = lost.source
    for call in source.nodes(cst.Call, lost.function):
        plain = all(isinstance(one, cst.Call) for one in arguments(call))
        if name_of(call.func) != "gather" or not plain or len(call.args) != len(arguments(call)):
            continue
        if call.args and source.line(call) > source.line(lost.statement):
            given = ", ".join([*(source.code(one) for one in arguments(call)), coroutine])
            code = f"{source.code(call.func)}({given})"
            return {lost.statement: lambda _: cst.RemoveFromParent(), call: expression(code)}
    return {}


def _ended(lost: Lost) -> dict[cst.CSTNode, Change]:
    """The task kept by a name, and ended before the first thing that is closed after it."""
    source, name = lost.source, f"{name_of(lost.coroutine.func)}_task"
    closings = [
        statement
        for one in source.nodes(cst.Await, lost.function)
        if isinstance(one.expression, cst.Call) and name_of(one.expression.func) in CLOSERS
        and source.line(one) > source.line(lost.statement)
        and isinstance(statement := source.statement_of(one), cst.SimpleStatementLine)
    ]  # fmt: skip
    if not closings:
        return {}
    start = cst.parse_statement(f"{name} = {source.code(lost.call)}\n")
    ending = f"{name}.cancel()\nawait asyncio.gather({name}, return_exceptions=True)\n"
    return {lost.statement: lambda _: start, closings[0]: before(ending)}
