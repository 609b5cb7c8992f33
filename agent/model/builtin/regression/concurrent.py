"""What a function runs as tasks, and what it reaches outside of the project: both are stand-ins in a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import libcst as cst

from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.source import name_of

if TYPE_CHECKING:
    from agent.model.builtin.regression.reading import Reader

RUNNERS = frozenset(("create_task", "ensure_future", "gather"))
SERVERS = frozenset(("asyncio.start_server", "asyncio.start_unix_server", "asyncio.open_connection"))


def is_runner(reader: Reader, node: cst.Call) -> bool:
    """Whether a call runs coroutines as tasks, or waits for tasks."""
    return name_of(node.func) in RUNNERS or reader.source.code(node.func) == "asyncio.wait"


def run(reader: Reader, node: cst.Call) -> None:
    """Each coroutine that is given to a runner is a stand-in that is awaited.

    Raises:
        Unclear: whose coroutine it is, is not known.
    """
    for one in node.args:
        inner = one.value.elt if isinstance(one.value, cst.ListComp | cst.GeneratorExp) else None
        if not isinstance(one.value, cst.Call) or _is_passed(reader, one.value):
            reader.of(one.value)
        for call in _calls(inner if inner is not None else one.value):
            if not _is_passed(reader, call):
                _stand_in(reader, call)


def _calls(node: cst.BaseExpression) -> Iterator[cst.Call]:
    if isinstance(node, cst.Call):
        yield node
    for element in node.elements if isinstance(node, cst.List | cst.Tuple) else ():
        yield from _calls(element.value)


def _is_passed(reader: Reader, call: cst.Call) -> bool:
    """Whether it runs for what it is: another runner, or a pause."""
    return is_runner(reader, call) or reader.source.code(call.func).startswith("asyncio.")


def _stand_in(reader: Reader, call: cst.Call) -> None:
    assert reader.tasks is not None
    for arg in call.args:
        reader.of(arg.value)
    code = reader.source.code(call.func)
    if isinstance(call.func, cst.Attribute):
        owner = reader.of(call.func.value)
        if owner is None:
            raise Unclear(f"whose {code}() it is")
        need = owner.attribute(call.func.attr.value)
    else:
        need = reader.known.get(code) or reader.patched.setdefault(code, Need(code))
    need.called(awaited=True)
    reader.tasks[code] = need


def is_outside(reader: Reader, function: cst.BaseExpression) -> bool:
    """Whether a function of a package, or one that listens, is called by its module's name."""
    code = reader.source.code(function)
    root = code.partition(".")[0]
    return code in SERVERS or any(
        name_of(one.asname.name if one.asname else one.name) == root
        and reader.source.code(one.name).partition(".")[0] not in sys.stdlib_module_names
        for node in reader.source.nodes(cst.Import)
        for one in node.names
    )


def alike(parts: Sequence[Need | None]) -> Need | None:
    """A list of things that are used alike: what is read of one is there in all of them."""
    needs = [one for one in parts if one is not None]
    if not needs:
        return None
    for other in needs[1:]:
        if other.owner is not None and other.owner.answer is other:
            other.owner.answer = needs[0]
    return Need("list", item=needs[0])
