"""What tests put in the place of something else: plain ones replace what the service has, or what stands in.

What is replaced in a module of Python's is replaced for what runs the tests, too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from agent.proof.labels.constants import last_name
from agent.proof.labels.plain.own_names import OwnNames
from agent.proof.labels.plain.words import Words
from agent.proof.labels.sources import shown

_SETTING = frozenset({"delattr", "delitem", "setattr", "setitem"})
_PATCHING = frozenset({"dict", "multiple", "object"})
_TIMES = frozenset({"asyncio.sleep", "time.monotonic", "time.sleep", "time.time"})
"""What waits, or tells the time: many tests stand in for these, and nothing that runs them asks them."""
_OUTSIDE = frozenset({"redis", "socket", "subprocess", "urllib"})
"""What leads to others: a test has to stand in for it, and nothing that runs it leads there."""
_HOUSE = frozenset({"services", "shared"})


def replaced(node: ast.AST, own: OwnNames, words: Words) -> Iterator[str]:
    """What is replaced there of anything else, in words."""
    match node:
        case ast.Call(func=ast.Attribute(attr=how), args=[target, *more]) if how in _SETTING:
            yield from _of(target, more, own, words)
        case ast.Call(func=ast.Attribute(attr="patch") | ast.Name(id="patch"), args=[target, *_]):
            yield from _of(target, [], own, words)
        case ast.Call(func=ast.Attribute(attr=how, value=value), args=[target, *more]) if how in _PATCHING:
            if last_name(value) == "patch":
                yield from _of(target, more, own, words)
        case ast.Attribute(ctx=ast.Store() | ast.Del(), value=target):
            yield from _of(target, [ast.Constant(node.attr)], own, words)
        case ast.Subscript(ctx=ast.Store() | ast.Del(), value=ast.Attribute() as target):
            yield from _of(target, [], own, words)


def _of(target: ast.expr, more: list[ast.expr], own: OwnNames, words: Words) -> Iterator[str]:
    whole = _dotted(target)
    if more and isinstance(more[0], ast.Constant) and isinstance(more[0].value, str) and whole:
        whole = f"{whole}.{more[0].value}"
    if not whole or not _is_own(target, whole.split("."), own, words):
        yield f"replaces `{whole or shown(target)}`"


def _dotted(target: ast.expr) -> str:
    """A name with dots, written out or as a text; "" for anything that is worked out."""
    if isinstance(target, ast.Constant):
        return target.value if isinstance(target.value, str) else ""
    if isinstance(target, ast.Attribute):
        before = _dotted(target.value)
        return f"{before}.{target.attr}" if before else ""
    return target.id if isinstance(target, ast.Name) else ""


def _is_own(target: ast.expr, parts: list[str], own: OwnNames, words: Words) -> bool:
    if ".".join(parts[-2:]) in _TIMES or parts[0] in _OUTSIDE:
        return True
    known = _HOUSE if isinstance(target, ast.Constant) else own.stand_ins
    foreign = words.foreign | sys.stdlib_module_names
    return parts[0] in known and not any(part in foreign for part in parts[1:-1])
