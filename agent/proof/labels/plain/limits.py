"""What of a test hangs on the machine that it runs on: its memory, its time zone, that it fails.

A box has less memory than a person's machine, and another zone. A test that is about these, or that is
content with any failure, may fail or pass in the one place only.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from agent.proof.labels.constants import last_name
from agent.proof.labels.plain.words import bound
from agent.proof.labels.sources import shown

_WIDE = frozenset(
    {"AssertionError", "BaseException", "Exception", "MemoryError", "OSError", "RecursionError"}
)
_MANY = 10_000
_ZONED = frozenset({"astimezone", "ctime", "fromtimestamp", "localtime", "mktime", "strftime", "timestamp"})
_ZONES = frozenset({"UTC", "ZoneInfo", "timezone", "tzinfo", "utc"})
_ORDERING = frozenset({"enumerate", "iter", "join", "list", "map", "next", "repr", "str", "tuple", "zip"})
_SIZING = frozenset({"bytearray", "bytes", "center", "ljust", "rjust", "zfill"})


def limits(node: ast.AST) -> Iterator[str]:
    """What of the kind a node asks for, in words."""
    match node:
        case ast.Call(func=func, args=[kind, *_]) if last_name(func) == "raises":
            wide = [last_name(each) for each in ast.walk(kind) if last_name(each) in _WIDE]
            yield from (f"expects any failure: {each}" for each in wide)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body) if _raises(items):
            if len(body) > 1 or not isinstance(body[0], ast.Expr | ast.With | ast.AsyncWith | ast.Return):
                yield f"expects a failure somewhere in `{shown(body[0])}`"
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            for text, often in ((left, right), (right, left)):
                if _repeats(text) and not _is_few(often):
                    yield f"repeats `{shown(node)}`"
        case ast.BinOp(op=ast.Pow() | ast.LShift(), right=power) if not _is_few(power, 64):
            yield f"makes a number as large as `{shown(node)}`"
        case ast.Call(func=func, args=[size, *_]) if last_name(func) in _SIZING:
            if not _is_few(size) and not isinstance(size, ast.List | ast.Tuple | ast.Constant):
                yield f"makes something of a size, `{shown(node)}`"
        case ast.FormattedValue(format_spec=ast.JoinedStr(values=[ast.Constant(value=str(form))])):
            if any(len(digits) > 3 for digits in "".join(c if c.isdigit() else " " for c in form).split()):
                yield f"writes as wide as `{form}`"
        case ast.Call(func=ast.Attribute(attr=name)) if name in _ZONED and not _has_zone(node):
            yield f"hangs on the time zone: `{shown(node)}`"


def orders_of_sets(every: Sequence[ast.AST]) -> Iterator[str]:
    """Where tests go by the order of a set, which is another one in each process; in words."""
    sets = {
        name
        for node in every
        if isinstance(node, ast.Assign) and _is_set(node.value, ())
        for target in node.targets
        for name in bound(target)
    }
    for node in every:
        for each in _in_order(node):
            if _is_set(each, sets):
                yield f"goes by the order of the set `{shown(each)}`"


def _in_order(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=func, args=args) if last_name(func) in _ORDERING:
            return args
        case ast.For(iter=value) | ast.comprehension(iter=value) | ast.Starred(value=value):
            return [value]
        case ast.FormattedValue(value=value):
            return [value]
        case ast.Assign(targets=[ast.Tuple() | ast.List()], value=value):
            return [value]
    return []


def _is_set(node: ast.expr, named: Collection[str]) -> bool:
    match node:
        case ast.Set(elts=[_, _, *_]) | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset"), args=[_]):
            return True
        case ast.Name(id=name):
            return name in named
    return False


def _raises(items: list[ast.withitem]) -> bool:
    calls = [item.context_expr for item in items if isinstance(item.context_expr, ast.Call)]
    return any(last_name(call.func) in ("raises", "assertRaises") for call in calls)


def _repeats(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    return isinstance(node, ast.List | ast.Tuple | ast.JoinedStr)


def _is_few(node: ast.expr, most: int = _MANY) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value <= most


def _has_zone(node: ast.AST) -> bool:
    return any(last_name(each) in _ZONES for each in ast.walk(node)) or any(
        isinstance(each, ast.keyword) and each.arg in ("tz", "tzinfo") for each in ast.walk(node)
    )
