"""What runs side by side: an await that was forgotten, a table changed while it is read."""

from __future__ import annotations

import builtins
import re
import sys

import libcst as cst

from agent.model.builtin.places import nodes_at
from agent.model.builtin.repairs.missing import assigned
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, expression
from agent.model.builtin.talk import Asking

_COROUTINE = re.compile(r"^\w+Error: .*'coroutine'|^TypeError: .*\bcoroutine\b")
_AWAITED = re.compile(r"^TypeError: object (\w+) can't be used in 'await' expression")
_CHANGED = re.compile(r"^RuntimeError: \w+ (?:keys )?(?:changed size|changed|mutated) during iteration")


def forgotten_await(scene: Scene) -> Asking[list[Candidate]]:
    """A coroutine where its result was wanted, or an await of what is no coroutine."""
    at = yield from scene.here()
    if at is None:
        return []
    spot, source = at
    found = []
    if _COROUTINE.search(scene.trouble.text):
        for node in nodes_at(source, spot):
            value = assigned(source, node) or node
            function = source.function_of(value)
            awaited = isinstance(source.parents.get(value), cst.Await)
            if not isinstance(value, cst.Call) or awaited or _is_plain(source, value):
                continue
            if function is not None and function.asynchronous:
                outer = isinstance(source.parents.get(value), cst.Attribute | cst.Subscript)
                code = f"await {source.code(value)}"
                text = source.changed({value: expression(f"({code})" if outer else code)})
                why = f"{source.code(value.func)}() is a coroutine and was not awaited"
                found.append(Candidate(why, {spot.path: text}, rank=1, spot=spot))
    elif _AWAITED.search(scene.trouble.text):
        for node in nodes_at(source, spot):
            if isinstance(node, cst.Await):
                text = source.changed({node: expression(source.code(node.expression))})
                why = f"{source.code(node.expression)} is no coroutine"
                found.append(Candidate(why, {spot.path: text}, rank=1, spot=spot))
    return found[:4]


def _is_plain(source: Source, call: cst.Call) -> bool:
    """Whether a call is one of Python itself, which gives no coroutine."""
    name, owner = source.code(call.func), source.code(call.func).partition(".")[0]
    return name in dir(builtins) or ("." in name and owner in sys.stdlib_module_names - {"asyncio"})


def changed_while_read(scene: Scene) -> Asking[list[Candidate]]:
    """A loop over what its own body, or another task, changes: it runs over a copy."""
    at = yield from scene.here()
    if at is None or _CHANGED.search(scene.trouble.text) is None:
        return []
    spot, source = at
    loops = [one for one in source.every() if isinstance(one, cst.For | cst.CompFor)]
    found = []
    for loop in loops:
        if isinstance(loop, cst.For | cst.CompFor) and source.spanned(loop.iter, spot.line):
            code = source.code(loop.iter)
            text = source.changed({loop.iter: expression(f"list({code})")})
            found.append(
                Candidate(f"{code} is changed while it is read", {spot.path: text}, rank=0, spot=spot)
            )
    return found[:2]
