"""A plain function that becomes a coroutine function, with every call of it awaited."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.coroutines import awaiting, is_async, is_awaited, is_generator
from agent.model.builtin.scene import Scene
from agent.model.builtin.source import Change, Source
from agent.model.builtin.talk import Asking

Changed = dict[str, tuple[Source, dict[cst.CSTNode, Change]]]


def made_asynchronous(
    scene: Scene, path: str, source: Source, function: cst.FunctionDef
) -> Asking[Changed | None]:
    """What has to change, by path; None where a use of the function could not await it.

    Only one step: whoever calls it is a coroutine function already, or awaits it as it is.
    """
    name = function.name.value
    if name.startswith("__") or function.decorators or is_generator(source, function):
        return None
    changed: Changed = {path: (source, {function: _asynchronous})}
    matches = yield from scene.desk.grep(rf"\b{re.escape(name)}\b", path="services")
    method = isinstance(source.first(function, cst.ClassDef, cst.FunctionDef), cst.ClassDef)
    uses = 0
    for other in dict.fromkeys([path, *(one.path for one in matches if one.path.endswith(".py"))]):
        if not other.startswith(scene.incident.root):
            continue
        where = yield from scene.source(other)
        calls = _calls(where, function, method=method) if where else []
        if where is None or calls is None or (calls and "/tests/" in other):
            return None
        uses += len(calls)
        if calls:
            _, made = changed.setdefault(other, (where, {}))
            made.update({call: awaiting(where, call) for call in calls if not is_awaited(where, call)})
    return changed if uses else None


def _calls(source: Source, function: cst.FunctionDef, *, method: bool) -> list[cst.Call] | None:
    """Every use of a function as a call that can be awaited; None where it is used or defined otherwise."""
    found = []
    for used in _uses(source, function.name.value, method=method):
        parent = source.parents.get(used)
        if parent is function or isinstance(parent, cst.ImportAlias):
            continue
        if not isinstance(parent, cst.Call) or parent.func is not used:
            return None
        if not is_awaited(source, parent) and not is_async(source, parent):
            return None
        found.append(parent)
    return found


def _uses(source: Source, name: str, *, method: bool) -> Iterator[cst.CSTNode]:
    """Where a name may mean the function: a method behind a dot, others where they are known."""
    known = any(
        one.value == name and isinstance(source.parents.get(one), cst.FunctionDef | cst.ImportAlias)
        for one in source.nodes(cst.Name)
    )
    for node in source.nodes(cst.Name):
        parent = source.parents.get(node)
        if node.value != name or (isinstance(parent, cst.Arg) and parent.keyword is node):
            continue
        if isinstance(parent, cst.Attribute):
            if parent.attr is node:
                yield parent
        elif isinstance(parent, cst.FunctionDef) or (known and not method):
            yield node


def _asynchronous(node: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(node, cst.FunctionDef)
    return node.with_changes(asynchronous=cst.Asynchronous(whitespace_after=cst.SimpleWhitespace(" ")))
