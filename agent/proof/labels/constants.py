"""Expressions that are the same whatever comes in: literals, what is made of them, names of them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any

_PURE = frozenset(
    {
        *("abs", "bool", "bytes", "complex", "date", "datetime", "Decimal", "dict", "float", "Fraction"),
        *("frozenset", "int", "len", "list", "max", "min", "object", "pow", "repr", "round", "set", "sorted"),
        *("str", "sum", "time", "timedelta", "tuple"),
    }
)
_SCALARS = (ast.Constant, ast.UnaryOp, ast.JoinedStr)
_COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}


def last_name(node: ast.AST) -> str:
    """The last part of a dotted name, "" for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


class Unknown(Exception):
    """An expression whose value depends on what comes in."""


class Constants:
    """Which names of one module stand for the same value whenever they are read."""

    def __init__(self, tree: ast.Module) -> None:
        every = list(ast.walk(tree))
        bound: dict[str, list[ast.expr | None]] = {}
        for name, value in (each for node in every for each in (*_bound_by(node), *_fields(node))):
            bound.setdefault(name, []).append(value)
        top = {name for statement in tree.body for name, _ in _bound_by(statement)}
        self._values: dict[str, ast.expr] = {}
        for name, (value, *others) in bound.items():
            if value is not None and not others and (name in top or isinstance(value, _SCALARS)):
                self._values[name] = value
        imports = (node for node in every if isinstance(node, ast.ImportFrom))
        self._imported = {alias.asname or alias.name for node in imports for alias in node.names}

    def value_of(self, name: str) -> ast.expr | None:
        """What a name that is bound once is bound to, or None."""
        return self._values.get(name)

    def is_fixed(self, node: ast.AST | None, depth: int = 0) -> bool:
        """Whether an expression is the same whatever comes in. Names may be bound in rings."""
        if node is None or isinstance(node, ast.Constant):
            return True
        if depth > 20:
            return False
        match node:
            case ast.Name(id=name):
                return self._is_fixed_name(name, depth)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return name in self._values and self._is_fixed_name(name, depth)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return name.isupper() or (owner == "math" and name in ("nan", "inf", "pi", "e"))
            case ast.Call(func=called, args=arguments, keywords=keywords):
                parts: list[ast.AST | None] = [*arguments, *(keyword.value for keyword in keywords)]
                return self._is_pure(called, depth) and self._are_fixed(parts, depth)
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if _is_zero(left) or _is_zero(right):
                return True
            case ast.Lambda(body=body):
                return self.is_fixed(body, depth + 1)
            case (
                ast.UnaryOp() | ast.BinOp() | ast.BoolOp() | ast.Tuple() | ast.List() | ast.Set() | ast.Dict()
                | ast.JoinedStr() | ast.FormattedValue() | ast.Subscript() | ast.IfExp() | ast.NamedExpr()
                | ast.Compare() | ast.Slice() | ast.Starred()
            ):  # fmt: skip
                given = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
                return self._are_fixed([each for each in given if not _is_stored(each)], depth)
        return False

    def is_stand_in(self, node: ast.expr | None) -> bool:
        """Whether an expression is a made-up value; None says that there is none."""
        return node is not None and not self._is_none(node) and self.is_fixed(node)

    def truth(self, test: ast.expr) -> bool | None:
        """Whether a condition always or never holds; None where it depends."""
        try:
            return bool(self._value(test))
        except (Unknown, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError):
            return None

    def _are_fixed(self, nodes: list[ast.AST | None] | list[ast.expr], depth: int) -> bool:
        return all(self.is_fixed(each, depth + 1) for each in nodes)

    def _is_fixed_name(self, name: str, depth: int) -> bool:
        if name in self._imported:
            return name.isupper()
        return name in self._values and self.is_fixed(self._values[name], depth + 1)

    def _is_pure(self, called: ast.expr, depth: int) -> bool:
        if isinstance(called, ast.Name):
            return called.id in _PURE
        return isinstance(called, ast.Attribute) and (
            self.is_fixed(called.value, depth + 1) or called.attr in _PURE or called.attr == "fromkeys"
        )

    def _is_none(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name | ast.Attribute):
            value = self._values.get(last_name(node))
            return isinstance(value, ast.Constant) and value.value is None
        return isinstance(node, ast.Constant) and node.value is None

    def _value(self, node: ast.expr, depth: int = 0) -> Any:
        """The value of a condition's part: only what cannot grow is worked out."""
        if depth > 20:
            raise Unknown
        below = depth + 1
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if isinstance(self._values.get(name), (*_SCALARS, ast.Tuple, ast.Name)):
                return self._value(self._values[name], below)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._value(operand, below)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, below)
            case ast.BoolOp(op=op, values=values):
                return self._either(isinstance(op, ast.Or), values, below)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                sides = [self._value(side, below) for side in (left, *comparators)]
                pairs = zip(ops, sides, sides[1:], strict=False)
                return all(_COMPARED[type(op)](one, other) for op, one, other in pairs)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                return tuple(self._value(each, below) for each in elements)
            case ast.Dict(keys=keys) if not keys:
                return ()
            case ast.Call(func=ast.Name(id="bool"), args=[argument], keywords=[]):
                return bool(self._value(argument, below))
            case ast.Call(func=ast.Name(id="bool" | "int" | "list" | "dict" | "str"), args=[], keywords=[]):
                return 0
        raise Unknown

    def _either(self, is_or: bool, values: list[ast.expr], depth: int) -> bool:
        """One part that decides is enough, though others are not known."""
        unknown = False
        for value in values:
            try:
                if bool(self._value(value, depth)) is is_or:
                    return is_or
            except Unknown:
                unknown = True
        if unknown:
            raise Unknown
        return not is_or


def _fields(node: ast.AST) -> Iterator[tuple[str, None]]:
    """Annotated fields of a class: each object has its own."""
    if isinstance(node, ast.ClassDef):
        yield from ((ast.unparse(e.target), None) for e in node.body if isinstance(e, ast.AnnAssign))


def _bound_by(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Names that a node binds, and to what where that is an expression."""
    match node:
        case ast.Assign(targets=targets, value=value) if all(isinstance(e, ast.Name) for e in targets):
            yield from ((name, value) for target in targets for name in _stored(target))
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Assign(targets=targets):
            yield from ((name, None) for target in targets for name in _stored(target))
        case ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
            yield from ((name, None) for name in _stored(target))
        case ast.comprehension(target=target) | ast.NamedExpr(target=target):
            yield from ((name, None) for name in _stored(target))
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from ((name, None) for name in _stored(target))
        case ast.arg(arg=name) | ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name, None
        case ast.alias(name=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, None
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from ((name, None) for name in names)


def _stored(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _is_stored(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and not isinstance(node.value, str | bytes)
