"""Managers, decorators and hooks that take errors: those of the standard library, and the files' own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from agent.proof.labels.constants import Constants, last_name
from agent.proof.labels.sources import Function, Module, Trees, ends, nodes, own

_EXITS = frozenset({"__exit__", "__aexit__"})
_HOOKS = frozenset(
    {"set_exception_handler", "excepthook", "unraisablehook", "default_exception_handler"}
    | {"call_exception_handler", "handleError"}
)
_REPRS = frozenset({"repr", "Repr", "aRepr"})
_TRAPS = frozenset({"traps", "clear_traps", "ExtendedContext"})
_STACKS = frozenset({"push", "push_async_exit"})
_LOUD = frozenset({"NOTSET", "DEBUG", "INFO"})
_POOLS = re.compile(r"pool|executor", re.IGNORECASE)
_HANDED = (ast.Lambda, ast.Name, ast.Attribute)
_FUTURES = frozenset({"Task", "Future"})


class Takers:
    """Names of the changed files' own managers and functions that take errors."""

    def __init__(self, trees: Trees) -> None:
        self.names = {"suppress"}
        self.callers: set[str] = set()
        self.stacks = any("ExitStack" in name for node in nodes(trees) for name in _named(node))
        kinds = (ast.ClassDef, Function, ast.ImportFrom, ast.Assign)
        definitions = [node for node in nodes(trees) if isinstance(node, kinds)]
        for _ in range(3):
            self._learn(definitions)

    def _learn(self, definitions: Sequence[ast.AST]) -> None:
        """A name more for each class, function and assignment that is made of what is known to take."""
        for node in definitions:
            if isinstance(node, ast.ClassDef):
                taking = any(self.is_taking(base) for base in node.bases) or any(_exits(node))
                self.names |= {node.name} if taking else set()
            elif isinstance(node, Function):
                if _takes_for_others(node):
                    self.names.add(node.name)
                    self.callers |= set() if _is_manager(node) else {node.name}
            elif isinstance(node, ast.ImportFrom):
                self.names |= {a.asname for a in node.names if a.asname and a.name in self.names}
            elif isinstance(node, ast.Assign) and self._is_made_of_takers(node.value):
                self.names |= {last_name(target) for target in node.targets} - {""}

    def _is_made_of_takers(self, value: ast.expr) -> bool:
        """A taker under another name, or with arguments: `partial(suppress, TypeError)`."""
        if isinstance(value, ast.Call):
            partly = last_name(value.func) in ("partial", "partialmethod") and value.args
            return self.is_taking(value.args[0] if partly else value.func)
        return self.is_taking(value)

    def is_taking(self, node: ast.AST) -> bool:
        """Whether an expression names something that takes errors."""
        return last_name(node) in self.names

    def manager(self, node: ast.expr, constants: Constants) -> str:
        """The name of what a `with` stands on, if that takes errors, else ""."""
        if isinstance(node, ast.Name) and (value := constants.value_of(node.id)) is not None:
            return last_name(node) if self._is_made_of_takers(value) else ""
        named = node.func if isinstance(node, ast.Call) else node
        return last_name(named) if self.is_taking(named) else ""

    def decorator(self, node: ast.expr) -> str:
        """The name of a decorator that takes errors, else ""."""
        named = node.func if isinstance(node, ast.Call) else node
        return last_name(named) if self.is_taking(named) else ""


def hooks(module: Module, takers: Takers) -> Iterator[tuple[str, str, ast.AST]]:
    """Everything else that takes errors: the place, what it is, the node."""
    dropped = {id(node.value) for _, node in module.placed if isinstance(node, ast.Expr)}
    for place, node in module.placed:
        if isinstance(node, ast.ClassDef):
            yield from ((place, f"{node.name}.__exit__", each) for each in _exits(node))
        elif isinstance(node, ast.Call):
            yield from ((place, what, node) for what in _by_call(node, takers, dropped))
        elif isinstance(node, ast.Attribute | ast.Name):
            yield from ((place, what, node) for what in _by_name(node))
        elif isinstance(node, Function):
            yield from ((place, "wait()", each) for each in _waits(node))
            if node.name == "handleError" and not ends(node.body, (ast.Raise,)):
                yield place, "handleError", node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((place, "reprlib", node) for _ in range(_brings_repr(node)))
        elif isinstance(node, ast.Assign) and _is_silenced(node):
            yield place, "disabled", node


def _by_call(node: ast.Call, takers: Takers, dropped: set[int]) -> Iterator[str]:
    name, first = last_name(node.func), node.args[0] if node.args else None
    if any(word.arg == "return_exceptions" and not _is_false(word.value) for word in node.keywords):
        yield "return_exceptions"
    if any(word.arg == "traps" for word in node.keywords) or (name == "Context" and len(node.args) > 7):
        yield "traps"
    if name == "exception" and isinstance(node.func, ast.Attribute) and _fetches(node, id(node) in dropped):
        yield "exception() that is fetched"
    if first is None:
        return
    if name in _STACKS and takers.stacks:
        yield "an exit that is pushed"
    if name == "enter_context" and isinstance(first, ast.Call) and takers.is_taking(first.func):
        yield "enter_context"
    if name == "setLevel" and last_name(first) not in _LOUD:
        yield "setLevel"
    if name == "submit" and isinstance(node.func, ast.Attribute) and id(node) in dropped:
        yield from ["submit()"] * bool(_POOLS.search(ast.unparse(node.func.value)))
    if name in takers.callers and any(isinstance(each, _HANDED) for each in node.args):
        yield f"{name}()"


def _by_name(node: ast.Attribute | ast.Name) -> Iterator[str]:
    name = last_name(node)
    if name in _HOOKS or name == "suppress":
        yield name
    if isinstance(node, ast.Attribute) and name == "exception" and last_name(node.value) in _FUTURES:
        yield "exception() that is fetched"
    if isinstance(node, ast.Attribute):
        yield from ["traps"] * (name in _TRAPS)
        yield from ["reprlib"] * (name in _REPRS and last_name(node.value) == "reprlib")


def _fetches(node: ast.Call, is_dropped: bool) -> bool:
    """Whether it asks a future for its error: a logger gives nothing, and is told what to write."""
    waits = any(word.arg == "timeout" for word in node.keywords)
    number = any(isinstance(each, ast.Constant) and not isinstance(each.value, str) for each in node.args)
    return not is_dropped or waits or number or not (node.args or node.keywords)


def _brings_repr(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether it imports what gives a text where an object's own `__repr__` raises."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "reprlib" and any(each.name in {*_REPRS, "*"} for each in node.names)
    return any(each.name == "reprlib" for each in node.names)


def _waits(node: Function) -> Iterator[ast.AST]:
    """`asyncio.wait` in a function that never asks for a result: it raises nothing of its own."""
    nodes = list(own(node.body))
    if not any(isinstance(each, ast.Attribute) and each.attr in ("result", "exception") for each in nodes):
        for each in nodes:
            if isinstance(each, ast.Call) and ast.unparse(each.func) == "asyncio.wait":
                yield each


def _is_silenced(node: ast.Assign) -> bool:
    """`logger.disabled = True`."""
    named = any(isinstance(each, ast.Attribute) and each.attr == "disabled" for each in node.targets)
    return named and not _is_false(node.value)


def _exits(node: ast.ClassDef) -> Iterator[ast.AST]:
    """The ends of a manager that may give something true: definitions, and other functions by that name.

    A generator or a coroutine is true by itself, where nobody waits for it.
    """
    for each in own(node.body):
        match each:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name in _EXITS:
                inner = list(own(each.body))
                given = (part.value for part in inner if isinstance(part, ast.Return))
                suspends = isinstance(each, ast.AsyncFunctionDef) or any(
                    isinstance(part, ast.Yield | ast.YieldFrom) for part in inner
                )
                unawaited = suspends and name == "__exit__"
                if unawaited or any(value is not None and not _is_false(value) for value in given):
                    yield each
            case ast.Assign(targets=targets, value=value) if any(map(_is_exit, targets)):
                yield from [each] * _may_be_true(value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_exit(target):
                yield from [each] * _may_be_true(value)
            case ast.NamedExpr(target=target, value=value) if _is_exit(target):
                yield from [each] * _may_be_true(value)
            case ast.alias(name=name, asname=asname) if (asname or name) in _EXITS:
                yield each


def _is_exit(target: ast.expr) -> bool:
    """Whether it binds an end of a manager, by itself or among others."""
    return any(last_name(each) in _EXITS for each in ast.walk(target))


def _may_be_true(value: ast.expr) -> bool:
    """Whether what is bound as an end may give something true: all but a function that says no."""
    return not _is_false(value.body if isinstance(value, ast.Lambda) else value)


def _takes_for_others(node: Function) -> bool:
    """Whether a function takes the errors of what it yields to, or of a function that it was given."""
    given = {each.arg for part in ast.walk(node) if isinstance(part, ast.arguments) for each in part.args}
    for part in ast.walk(node):
        if isinstance(part, ast.Try) and any(not ends(each.body, (ast.Raise,)) for each in part.handlers):
            for inner in own(part.body):
                if isinstance(inner, ast.Yield) and _is_manager(node):
                    return True
                if (
                    isinstance(inner, ast.Call)
                    and isinstance(inner.func, ast.Name)
                    and inner.func.id in given
                ):
                    return True
    return False


def _is_manager(node: Function) -> bool:
    names = {last_name(each) for each in node.decorator_list}
    return bool(names & {"contextmanager", "asynccontextmanager"})


def _named(node: ast.AST) -> list[str]:
    """The names that a node brings in or fetches."""
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    return [node.attr] if isinstance(node, ast.Attribute) else []


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value
