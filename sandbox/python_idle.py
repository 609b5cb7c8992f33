"""Python that does nothing about what it was called for: it keeps, counts, tells, or gives a constant."""

from __future__ import annotations

import ast
from collections.abc import Sequence

_TELLS = frozenset({"debug", "info", "warn", "warning", "error", "critical", "log"})
_MAKES = frozenset(
    {"bool", "dict", "float", "frozenset", "int", "len", "list", "print", "repr", "set", "str"}
)
_ACTS = (ast.Raise, ast.Await, ast.Yield, ast.YieldFrom)


def acts(block: Sequence[ast.AST], idle: frozenset[str]) -> bool:
    """Whether statements do more than keep, count and tell: only then may an error have been dealt with."""
    nodes = (node for statement in block for node in ast.walk(statement))
    return any(
        isinstance(node, _ACTS) or (isinstance(node, ast.Call) and not _is_idle(node.func, idle))
        for node in nodes
    )


def idle_functions(tree: ast.Module) -> frozenset[str]:
    """Names of functions of a module that do nothing but keep, count and tell."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    idle: frozenset[str] = frozenset()
    while True:
        busy = {each.name for each in functions if acts(each.body, idle)}
        now = frozenset(each.name for each in functions) - busy
        if now == idle:
            return idle
        idle = now


def _is_idle(called: ast.expr, idle: frozenset[str]) -> bool:
    if isinstance(called, ast.Attribute):
        own = isinstance(called.value, ast.Name) and called.value.id == "self"
        return called.attr in _TELLS or (own and called.attr in idle)
    return isinstance(called, ast.Name) and called.id in idle | _MAKES


def is_constant(function: ast.FunctionDef | ast.AsyncFunctionDef, idle: frozenset[str]) -> bool:
    """Whether a function returns a literal whatever it is given, and does nothing else until then."""
    given = {
        each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    }
    end = next((at for at, each in enumerate(function.body) if isinstance(each, ast.Return)), None)
    value = None if end is None else function.body[end]
    if not isinstance(value, ast.Return) or not (value.value is None or is_literal(value.value)):
        return False
    live = function.body[: function.body.index(value)]
    read = {each.id for part in live for each in ast.walk(part) if isinstance(each, ast.Name)}
    return bool(given - {"self", "cls"}) and given.isdisjoint(read) and not acts(live, idle)


def is_literal(node: ast.expr) -> bool:
    """A constant, or an empty collection: what can stand where data should."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Dict) and not node.keys)
