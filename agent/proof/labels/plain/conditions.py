"""What is asked by a condition: a plain repair asks whether data is missing, and leaves out what is."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import TypeGuard

from agent.proof.labels.constants import Constants
from agent.proof.labels.sources import Function, Module, ends, own, shown

Find = tuple[str, str]
"""What a reader is told, and what makes it the same find on both sides."""

TELLING = frozenset({"debug", "info", "warn", "warning", "error", "exception", "critical", "log", "print"})
_SIZES = frozenset({"len", "bool"})
_DATA = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
LEAVING = (ast.Return, ast.Continue, ast.Break)


def asked(module: Module) -> Iterator[Find]:
    """Conditions that ask for more than whether data is missing, or that leave where it is there."""
    every = [node for _place, node in module.placed]
    looped = {id(each) for node in every if isinstance(node, _LOOPS) for each in own(node.body)}
    conditions = {id(each) for node in every for each in _tested(node)}
    yield from _unused(module)
    for place, node in module.placed:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                yield from _decides(test, _leaves(body) and not _leaves(orelse))
                yield from _given(node, place, module.constants)
                yield from _left_loops(body, place) if id(node) in looped else ()
            case ast.While(test=test) if not isinstance(test, ast.Constant):
                yield from _decides(test, False)
            case ast.IfExp(test=test):
                yield from _decides(test, False)
                yield from _worked_out(test, _instead(node), place, module.constants)
            case ast.comprehension(ifs=ifs):
                yield from (find for test in ifs for find in _decides(test, False))
            case ast.BoolOp(op=ast.And(), values=values):
                yield from (find for test in values[:-1] for find in _decides(test, False))
            case ast.BoolOp(op=ast.Or(), values=values) if id(node) not in conditions:
                yield from (
                    f for each in values[1:] for f in _worked_out(values[0], each, place, module.constants)
                )
            case ast.Compare() if asks_for_missing(node) is None:
                yield _find("asks whether", node)


def asks_for_missing(test: ast.expr) -> bool | None:
    """True for a condition that holds where data is missing, False where it is there, None for any other."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            there = asks_for_missing(operand)
            return None if there is None else not there
        case ast.Compare(left=left, ops=[op], comparators=[other]):
            return _compares(left, op, other)
        case ast.Name(id=name) if hasattr(builtins, name):
            return None
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return False
        case ast.Call(func=ast.Name(id=name), args=[_], keywords=[]) if name in _SIZES:
            return False
        case ast.Call(func=ast.Attribute(attr="get"), args=[_]):
            return False
        case ast.BoolOp(values=values):
            parts = {asks_for_missing(each) for each in values}
            return parts.pop() if len(parts) == 1 else None
    return None


def _compares(left: ast.expr, op: ast.cmpop, other: ast.expr) -> bool | None:
    """`x is None`, `x == 0`, `len(x) > 0`, `key in x`."""
    if isinstance(op, ast.In | ast.NotIn):
        plain = isinstance(other, ast.Name | ast.Attribute | ast.Subscript)
        return isinstance(op, ast.NotIn) if plain else None
    if not isinstance(other, ast.Constant) or isinstance(left, ast.Constant | ast.BinOp):
        return None
    nothing = other.value in (None, 0, "", b"") and not isinstance(other.value, bool)
    if not nothing:
        return None
    counted = isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "len"
    if isinstance(op, ast.Is | ast.Eq) or (counted and isinstance(op, ast.LtE)):
        return True
    return False if isinstance(op, ast.IsNot | ast.NotEq) or (counted and isinstance(op, ast.Gt)) else None


def _decides(test: ast.expr, leaves: bool) -> Iterator[Find]:
    """Where a comparison alone is the condition, it is told as such."""
    missing = asks_for_missing(test)
    if missing is None and not isinstance(test, ast.Compare):
        yield _find("depends on", test)
    elif missing is False and leaves:
        yield _find("leaves where there is", test)


def _unused(module: Module) -> Iterator[Find]:
    """What is left out for want of something that is not used, so its want says nothing of the rest."""
    for place, function in module.placed:
        if not isinstance(function, Function):
            continue
        body = list(own(function.body))
        mentioned = {id(each) for node in body for each in _mentions(node)}
        read = [each for each in body if _is_read(each) and id(each) not in mentioned]
        for node in body:
            yield from _unused_beside(node, place)
            for test in _leaving_out(node):
                if any(
                    isinstance(each, ast.BoolOp) and isinstance(each.op, ast.And) for each in ast.walk(test)
                ):
                    yield f"leaves only where all hold: `{shown(test)}`", f"{place} {ast.dump(test)}"
                asking = {id(each) for each in ast.walk(test)}
                behind = test.end_lineno or 0 if isinstance(node, ast.If) else 0
                used = {names(each) for each in read if each.lineno > behind and id(each) not in asking}
                for each in subjects(test):
                    if names(each) not in used:
                        yield f"asks for `{shown(each)}` and does not use it", f"{place} {ast.dump(test)}"


def _is_read(node: ast.AST) -> TypeGuard[ast.expr]:
    return isinstance(node, _DATA) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _unused_beside(node: ast.AST, place: str) -> Iterator[Find]:
    """The same of `None if x is None else ...`: what is missing is of what it stands for."""
    if isinstance(node, ast.IfExp) and (missing := asks_for_missing(node.test)) is not None:
        kept = node.orelse if missing else node.body
        known = {names(each) for each in ast.walk(kept) if isinstance(each, _DATA)}
        for each in subjects(node.test):
            if names(each) not in known:
                yield f"asks for `{shown(each)}` and does not use it", f"{place} {ast.dump(node.test)}"


def _mentions(node: ast.AST) -> Iterator[ast.AST]:
    """What is only told to the log."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TELLING:
        yield from (each for given in node.args for each in ast.walk(given))


def _leaving_out(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If):
        return [node.test] if _leaves(node.body) else []
    return node.ifs if isinstance(node, ast.comprehension) else []


def subjects(test: ast.expr) -> Iterator[ast.expr]:
    """What a condition for missing data asks for."""
    match test:
        case ast.UnaryOp(operand=operand):
            yield from subjects(operand)
        case ast.BoolOp(values=values):
            yield from (each for value in values for each in subjects(value))
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[other]):
            yield ast.Subscript(value=other, slice=key, ctx=ast.Load())
        case ast.Compare(left=left):
            yield from subjects(left)
        case ast.Call(func=ast.Name(id=name), args=[first]) if name in _SIZES:
            yield first
        case ast.expr():
            yield test


def names(node: ast.AST) -> str:
    """What an expression stands for, however it is read: `x["key"]` is `x.get("key")`."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[key, *more]) if all(
            isinstance(each, ast.Constant) for each in more
        ):
            return f"{names(owner)}[{ast.unparse(key)}]"
        case ast.Subscript(value=owner, slice=key):
            return f"{names(owner)}[{ast.unparse(key)}]"
    return ast.unparse(node)


def _given(node: ast.If, place: str, constants: Constants) -> Iterator[Find]:
    """What an `if` gives instead, where data is missing."""
    missing = asks_for_missing(node.test)
    block = [] if missing is None else node.body if missing else node.orelse
    for statement in block:
        if isinstance(statement, ast.Return | ast.Assign):
            yield from _worked_out(node.test, statement.value, place, constants)
        elif not isinstance(statement, LEAVING) and not tells(statement):
            yield f"does `{shown(statement)}` where data is missing", place + ast.dump(statement)


def tells(statement: ast.stmt) -> bool:
    """Whether a statement tells the log of it, or counts it."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name in TELLING
        case ast.AugAssign(target=target, op=ast.Add(), value=ast.Constant(value=1)):
            # A plain name would be the function's own by it, wherever it is read.
            return isinstance(target, ast.Attribute) and is_dotted(target)
    return False


def is_dotted(node: ast.AST) -> bool:
    """Whether it is a name, or one behind dots: nothing is looked up or called for it."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _instead(node: ast.IfExp) -> ast.expr | None:
    missing = asks_for_missing(node.test)
    return None if missing is None else node.body if missing else node.orelse


def _worked_out(test: ast.expr, value: ast.expr | None, place: str, constants: Constants) -> Iterator[Find]:
    """Constants have a label of their own, and what is missing itself is given on."""
    if value is None or constants.is_fixed(value):
        return
    match test:
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()]):
            gives_it_on = ast.dump(value) == ast.dump(left)
        case _:
            gives_it_on = False
    if not gives_it_on:
        yield f"works out `{shown(value)}` where data is missing", place + ast.dump(value)


def _left_loops(body: list[ast.stmt], place: str) -> Iterator[Find]:
    """One piece of data that is missing ends the loop over all of them."""
    for node in own(body):
        empty = isinstance(node, ast.Return) and (node.value is None or is_none(node.value))
        if isinstance(node, ast.Break) or empty:
            yield f"ends a loop in {place.rpartition('.')[2]}()", place


def is_none(node: ast.AST) -> bool:
    """Whether a node is a None that is written down."""
    return isinstance(node, ast.Constant) and node.value is None


def _tested(node: ast.AST) -> Iterator[ast.AST]:
    """All that only decides, and is no value."""
    tests = [getattr(node, "test", None), *getattr(node, "ifs", ())]
    yield from (each for test in tests if isinstance(test, ast.AST) for each in ast.walk(test))


def _leaves(block: list[ast.stmt]) -> bool:
    return ends(block, LEAVING)


def _find(what: str, node: ast.expr) -> Find:
    return f"{what} `{shown(node)}`", ast.dump(node)
