"""Calls of coroutine functions: what becomes of them, and where one can be awaited."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.incident import Spot
from agent.model.builtin.source import Change, Source, name_of

RUNNERS = frozenset(
    {
        *("create_task", "ensure_future", "gather", "wait", "wait_for", "shield", "as_completed"),
        *("run", "run_until_complete", "run_coroutine_threadsafe", "start_soon"),
    }
)
"""Functions that take a coroutine and see to it that it runs."""


def is_awaited(source: Source, call: cst.CSTNode) -> bool:
    """Whether a call stands right behind `await`, or is given to what runs it, itself or in a list."""
    for parent in source.above(call):
        if isinstance(parent, cst.Await):
            return True
        if isinstance(parent, cst.Call) and parent.func is not call and name_of(parent.func) in RUNNERS:
            return True
        if not isinstance(parent, cst.Arg | cst.StarredElement | cst.Element | cst.List | cst.BaseComp):
            return False
        if isinstance(parent, cst.BaseComp) and isinstance(parent, cst.DictComp):
            return False
    return False


def awaiting(source: Source, node: cst.CSTNode) -> Change:
    """A change that puts `await` before a call, in brackets where something is read of the result."""
    parent = source.parents.get(node)
    read = isinstance(parent, cst.Attribute | cst.Subscript) or (
        isinstance(parent, cst.Call) and parent.func is node
    )

    def change(call: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(call, cst.BaseExpression)
        brackets = ([cst.LeftParen()], [cst.RightParen()]) if read else ([], [])
        return cst.Await(call, lpar=brackets[0], rpar=brackets[1])

    return change


def scope_of(source: Source, node: cst.CSTNode) -> cst.FunctionDef | None:
    """The function that runs an expression itself; None at the top, in a lambda, in a generator.

    The first loop of a generator expression is evaluated outside of it, and so counts for what is around.
    """
    inner = node
    for parent in source.above(node):
        if isinstance(parent, cst.Lambda | cst.Decorator | cst.Parameters | cst.ClassDef):
            return None
        if isinstance(parent, cst.GeneratorExp) and inner is not parent.for_in:
            return None
        if isinstance(parent, cst.FunctionDef):
            return parent
        inner = parent
    return None


def place_of(path: str, source: Source, node: cst.CSTNode) -> Spot:
    """Where a node is."""
    function = source.function_of(node)
    return Spot(path, source.line(node), function.name.value if function else "")


def is_async(source: Source, node: cst.CSTNode) -> bool:
    """Whether an `await` may stand at a node."""
    scope = scope_of(source, node)
    return scope is not None and scope.asynchronous is not None


def is_generator(source: Source, function: cst.FunctionDef) -> bool:
    """Whether a function yields: calling it gives no coroutine."""
    yields = source.nodes(cst.Yield, function.body)
    return any(source.first(one, cst.FunctionDef, cst.Lambda) is function for one in yields)


def is_kept(source: Source, call: cst.Call) -> bool:
    """Whether a coroutine is put somewhere from where it is awaited, or run, later in the same file."""
    place = _place(source, call)
    if place is None:
        return False
    if any(source.code(one.expression) == place for one in source.nodes(cst.Await)):
        return True
    runs = (one for one in source.nodes(cst.Call) if name_of(one.func) in RUNNERS)
    return any(source.code(arg.value) == place for one in runs for arg in one.args)


def _place(source: Source, call: cst.Call) -> str | None:
    """What a value is assigned to, or which list it is put into."""
    for parent in source.above(call):
        if isinstance(parent, cst.Assign):
            return source.code(parent.targets[0].target)
        if isinstance(parent, cst.Call) and isinstance(parent.func, cst.Attribute):
            return source.code(parent.func.value) if parent.func.attr.value in ("append", "add") else None
        if isinstance(parent, cst.BaseSmallStatement | cst.BaseCompoundStatement):
            return None
    return None
