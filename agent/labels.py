"""What a reviewer must be told about a patch, read from its syntax trees and not from words.

workaround        a new broad `except`, an error that is swallowed, a default that hides missing data
drops behaviour   an import, route, middleware, subscription, task or key that the base had is gone
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

LabelName = Literal["workaround", "drops behaviour"]
Seen = Counter[tuple[str, str]]
_Finder = Callable[[ast.AST], Iterator[str]]

BROAD = {"Exception", "BaseException"}
QUIET_CALLS = {"debug", "info", "warning", "warn", "error", "print", "sleep"}
SERVING_CALLS = {
    "subscribe": "subscription",
    "psubscribe": "subscription",
    "publish": "channel",
    "create_task": "task",
    "ensure_future": "task",
    "run_in_executor": "task",
    "Thread": "task",
    "add_route": "route",
    "add_api_route": "route",
    "add_get": "route",
    "add_post": "route",
    "include_router": "route",
    "add_middleware": "middleware",
    "set": "key",
    "hset": "key",
    "xadd": "key",
    "lpush": "key",
    "rpush": "key",
}
ROUTE_DECORATORS = {"get", "post", "put", "delete", "patch", "route", "websocket", "middleware"}


@dataclass(frozen=True, slots=True)
class Label:
    """One label with what it was read from."""

    name: LabelName
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


def labels_of(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Label, ...]:
    """The labels of a patch.

    `before` and `after` map the changed Python files (tests left out) to their source on the base
    and with the patch; a file that is missing on one side is empty there. What does not parse is
    the business of another rung and yields nothing.
    """
    old, new = _trees(before), _trees(after)
    hidden = _count(new, _workarounds) - _count(old, _workarounds)
    softened = _defaults_for_lookups(old, new)
    lost = _lost(old, new)
    return (
        *(Label("workaround", f"{what} in {where}") for what, where in sorted(hidden)),
        *(Label("workaround", detail) for detail in softened),
        *(Label("drops behaviour", f"{what} {name}") for what, name in sorted(lost)),
    )


def _trees(sources: Mapping[str, str]) -> dict[str, ast.Module]:
    trees = {}
    for path, source in sources.items():
        try:
            trees[path] = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            continue
    return trees


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every function with its name, and the module itself for what stands outside of one."""
    yield "the module", tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions inside it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own(child)


def _count(trees: Mapping[str, ast.Module], find: _Finder) -> Seen:
    return Counter(
        (what, name) for tree in trees.values() for name, scope in _functions(tree) for what in find(scope)
    )


def _workarounds(scope: ast.AST) -> Iterator[str]:
    for node in _own(scope):
        if isinstance(node, ast.ExceptHandler):
            if _is_broad(node.type):
                yield "a broad except"
            if _swallows(node):
                yield "a swallowed error"
        elif isinstance(node, ast.Call) and _called(node) == "suppress":
            yield "a suppressed error"
        elif isinstance(node, ast.keyword) and node.arg == "return_exceptions" and _is_true(node.value):
            yield "exceptions returned as results"


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(_last_name(name) in BROAD for name in names)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler only logs, skips or returns a constant: the error ends there."""
    return all(_is_quiet(statement) for statement in handler.body)


def _is_quiet(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass | ast.Continue | ast.Break):
        return True
    if isinstance(statement, ast.Return):
        return statement.value is None or isinstance(
            statement.value, ast.Constant | ast.Dict | ast.List | ast.Tuple
        )
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Constant | ast.Dict | ast.List | ast.Tuple)
    call = statement.value if isinstance(statement, ast.Expr) else None
    call = call.value if isinstance(call, ast.Await) else call
    return isinstance(call, ast.Constant) or (isinstance(call, ast.Call) and _called(call) in QUIET_CALLS)


def _defaults_for_lookups(old: Mapping[str, ast.Module], new: Mapping[str, ast.Module]) -> list[str]:
    """Lookups that could fail on the base and have a made-up constant now."""
    failing = _lookups(old) - _lookups(new)
    gained = _count(new, _defaults) - _count(old, _defaults)
    return [f"a default for {key} in {where}" for key, where in sorted(gained) if (key, where) in failing]


def _lookups(trees: Mapping[str, ast.Module]) -> Seen:
    return _count(trees, _subscripts)


def _subscripts(scope: ast.AST) -> Iterator[str]:
    for node in _own(scope):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield ast.unparse(node.slice)


def _defaults(scope: ast.AST) -> Iterator[str]:
    for node in _own(scope):
        if (
            isinstance(node, ast.BoolOp)
            and isinstance(node.op, ast.Or)
            and isinstance(node.values[-1], ast.Constant)
        ):
            yield from (key for value in node.values[:-1] if (key := _got(value)))
        elif isinstance(node, ast.Call) and _makes_up(node):
            yield ast.unparse(node.args[-2])


def _makes_up(call: ast.Call) -> bool:
    """Whether it is `x.get(key, constant)` or the like; None is no made-up value."""
    if _called(call) not in ("get", "pop", "getattr") or len(call.args) < 2:
        return False
    return isinstance(call.args[-1], ast.Constant | ast.Dict | ast.List) and not _is_none(call.args[-1])


def _got(value: ast.expr) -> str | None:
    """The key of `x.get(key)`."""
    is_get = isinstance(value, ast.Call) and _called(value) == "get" and value.args
    return ast.unparse(value.args[0]) if is_get and isinstance(value, ast.Call) else None


def _lost(old: Mapping[str, ast.Module], new: Mapping[str, ast.Module]) -> set[tuple[str, str]]:
    served = _served(old) - _served(new)
    gone = _imported(old) - _bound(new)
    return set(served) | {("import", name) for name in gone & _used(old)}


def _served(trees: Mapping[str, ast.Module]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (kind := SERVING_CALLS.get(_called(node))):
                found |= {
                    (kind, name) for argument in _naming(kind, node) if (name := _serving_name(argument))
                }
                found |= {
                    (kind, name)
                    for word in node.keywords
                    if word.arg == "target" and (name := _serving_name(word.value))
                }
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {("route", ast.unparse(d)) for d in node.decorator_list if _is_route(d)}
    return found


def _naming(kind: str, call: ast.Call) -> list[ast.expr]:
    """The arguments that name what a call serves: all channels of a subscription, else not the payload."""
    if kind == "subscription":
        return call.args
    return call.args[:1] if kind in ("key", "channel") else call.args[:2]


def _serving_name(argument: ast.expr) -> str | None:
    """A channel, key or worker in a form that survives other changes of the line."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    if isinstance(argument, ast.JoinedStr):
        return ast.unparse(argument)
    if isinstance(argument, ast.Call):
        return f"{_called(argument)}()"
    return _last_name(argument)


def _is_route(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and _called(decorator) in ROUTE_DECORATORS and bool(decorator.args)


def _imported(trees: Mapping[str, ast.Module]) -> set[str]:
    return {
        alias.asname or alias.name.split(".")[0]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _bound(trees: Mapping[str, ast.Module]) -> set[str]:
    """Every name that is imported, defined or assigned anywhere."""
    names = _imported(trees)
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


def _used(trees: Mapping[str, ast.Module]) -> set[str]:
    nodes = (node for tree in trees.values() for node in ast.walk(tree))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _called(call: ast.Call) -> str:
    return _last_name(call.func) or ""


def _last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
