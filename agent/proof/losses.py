"""What a patch drops, read from its syntax: an import, route, subscription, task, key, an entry of data.

A name that another of its kind replaces, or that is still used in another way, is no loss but something
to look at: a fix may well rename a key that was wrong.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Trees = Mapping[str, ast.Module]

_DATA_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SERVING_CALLS = {
    "subscribe": "subscription",
    "psubscribe": "subscription",
    "publish": "channel",
    "create_task": "task",
    "ensure_future": "task",
    "run_in_executor": "task",
    "Thread": "task",
    "route": "route",
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
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
ROUTE_DECORATORS = {"get", "post", "put", "delete", "patch", "route", "websocket", "middleware"}


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the base had. `replaced` says that something stands in its place."""

    what: str
    name: str
    replaced: bool

    def __str__(self) -> str:
        return f"{self.what} {self.name}"


@dataclass(frozen=True, slots=True)
class _Served:
    """What a call serves, by a text or by the name of a variable or function."""

    kind: str
    name: str
    is_text: bool

    def is_like(self, other: _Served) -> bool:
        """Whether one of the two could stand in the other's place."""
        return (self.kind, self.is_text) == (other.kind, other.is_text)


_DEFAULT_METHOD = _Served("route", "GET", is_text=True)
"""Whoever names no method means this one."""


def losses(before: Mapping[str, str], after: Mapping[str, str]) -> list[Loss]:
    """What the changed files had and have no more, by path of the file and its source on each side.

    Python is read by its syntax tree, JSON by its strings. What does not parse is left out.
    """
    old, new = _trees(before), _trees(after)
    found = [*_served_no_more(old, new), *_imported_no_more(old, new)]
    found += [loss for path in before if path.endswith(".json") for loss in _data(path, before, after)]
    return sorted(found, key=str)


def _served_no_more(old: Trees, new: Trees) -> Iterator[Loss]:
    before, after = _served(old), _served(new)
    lost, gained = before - after - {_DEFAULT_METHOD}, after - before
    still = _texts(new) | {f"{name}()" for name in _calls(new)}
    for one in lost:
        renamed = sum(map(one.is_like, gained)) >= sum(map(one.is_like, lost))
        yield Loss(one.kind, one.name, renamed or one.name in still)


def _imported_no_more(old: Trees, new: Trees) -> Iterator[Loss]:
    gone = (_imported(old) - _bound(new)) & _used(old)
    something_else = bool(_calls(new) - _calls(old))
    for name in gone - _renamed(old, new):
        yield Loss("import", name, something_else)


def _data(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Loss]:
    """Strings that a JSON file held, more than it got new ones; broken JSON is read all the same."""
    old = set(_DATA_STRING.findall(before[path]))
    new = set(_DATA_STRING.findall(after.get(path, "")))
    if len(old - new) > len(new - old):
        yield Loss("data of", path, replaced=False)


def _trees(sources: Mapping[str, str]) -> dict[str, ast.Module]:
    trees = {}
    for path, source in sources.items():
        try:
            trees[path] = _Living().visit(ast.parse(source))
        except (SyntaxError, ValueError, RecursionError):
            continue
    return trees


class _Living(ast.NodeTransformer):
    """Takes out what is never run: what stands after a block's end, or under a constant that is false."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                ends = (at for at, each in enumerate(block, start=1) if isinstance(each, _ENDS))
                setattr(node, name, block[: next(ends, None)])
        return super().generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if not isinstance(node.test, ast.Constant):
            return self.generic_visit(node)
        kept = node.body if node.test.value else node.orelse
        return [self.visit(each) for each in kept] or ast.Pass()

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        if isinstance(node.test, ast.Constant) and not node.test.value:
            return [self.visit(each) for each in node.orelse] or ast.Pass()
        return self.generic_visit(node)


def _renamed(old: Trees, new: Trees) -> set[str]:
    """Names in whose place as many others are imported from the same module now."""
    before, after = _by_module(old), _by_module(new)
    lost = {module: names - after.get(module, set()) for module, names in before.items()}
    gained = {module: names - before.get(module, set()) for module, names in after.items()}
    return {
        name for module, names in lost.items() if len(gained.get(module, ())) >= len(names) for name in names
    }


def _by_module(trees: Trees) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                found.setdefault(f"{node.level}{node.module}", set()).update(
                    alias.asname or alias.name for alias in node.names
                )
    return found


def _served(trees: Trees) -> set[_Served]:
    found: set[_Served] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (kind := SERVING_CALLS.get(_called(node))):
                targets = [word.value for word in node.keywords if word.arg == "target"]
                names = map(_serving_name, [*_naming(kind, node), *targets])
                found |= {_Served(kind, *name) for name in names if name is not None}
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {_Served("route", ast.unparse(d), True) for d in node.decorator_list if _is_route(d)}
    return found


def _texts(trees: Trees) -> set[str]:
    """All texts that calls which serve are given, wherever they stand in them."""
    calls = (
        node
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) in SERVING_CALLS
    )
    parts = (part for call in calls for part in ast.walk(call))
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _naming(kind: str, call: ast.Call) -> list[ast.expr]:
    """The arguments that name what a call serves: all channels of a subscription, else not the payload."""
    if kind == "subscription":
        return call.args
    return call.args[:1] if kind in ("key", "channel") else call.args[:2]


def _serving_name(argument: ast.expr) -> tuple[str, bool] | None:
    """A channel, key or worker in a form that survives other changes of the line; whether it is a text."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value, True
    if isinstance(argument, ast.JoinedStr):
        return ast.unparse(argument), True
    if isinstance(argument, ast.Call):
        return f"{_called(argument)}()", False
    name = _last_name(argument)
    return None if name is None else (name, False)


def _is_route(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and _called(decorator) in ROUTE_DECORATORS and bool(decorator.args)


def _imported(trees: Trees) -> set[str]:
    return {
        alias.asname or alias.name.split(".")[0]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _bound(trees: Trees) -> set[str]:
    """Every name that is imported, defined or assigned anywhere."""
    names = _imported(trees)
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


def _used(trees: Trees) -> set[str]:
    nodes = (node for tree in trees.values() for node in ast.walk(tree))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _calls(trees: Trees) -> set[str]:
    nodes = (node for tree in trees.values() for node in ast.walk(tree))
    return {_called(node) for node in nodes if isinstance(node, ast.Call)}


def _called(call: ast.Call) -> str:
    return _last_name(call.func) or ""


def _last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
