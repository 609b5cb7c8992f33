"""Which expression was missing, None or zero when a line raised: read from the message and the marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import libcst as cst

from agent.model.builtin.incident import Spot, Trouble
from agent.model.builtin.places import nodes_at, repeatable
from agent.model.builtin.source import COMPREHENSIONS, Source, arguments, index_of, name_of, text_of

OPERATORS: dict[str, type[cst.CSTNode] | tuple[type[cst.CSTNode], ...]] = {
    "+": cst.Add, "-": cst.Subtract, "*": cst.Multiply, "/": cst.Divide, "//": cst.FloorDivide,
    "%": cst.Modulo, "**": cst.Power, "+=": cst.AddAssign, "-=": cst.SubtractAssign,
    "*=": cst.MultiplyAssign, "/=": cst.DivideAssign,
    "** or pow()": cst.Power,
}  # fmt: skip
DIVIDES = (cst.Divide, cst.FloorDivide, cst.Modulo, cst.DivideAssign, cst.FloorDivideAssign)
NONE = "NoneType"


@dataclass(frozen=True, slots=True)
class Gap:
    """`subject` is what is missing, used by `user`; `absent` and `present` are tests of that, as code."""

    user: cst.CSTNode
    subject: cst.BaseExpression
    absent: str
    present: str
    kind: str
    """none, key, index, zero or shape."""


Finder = Callable[[Source, cst.CSTNode, re.Match[str]], Iterator[cst.BaseExpression]]


def gaps(source: Source, spot: Spot, trouble: Trouble) -> list[Gap]:
    """Every reading of the crash at a place, the likeliest first; only what can be evaluated twice."""
    # Of an expression over several lines a traceback marks the first line only.
    return _gaps(source, spot, trouble) or _gaps(source, replace(spot, marks=None), trouble)


def _gaps(source: Source, spot: Spot, trouble: Trouble) -> list[Gap]:
    found: list[Gap] = []
    for pattern, find, make in _RULES:
        match = pattern.search(trouble.text)
        if match is None:
            continue
        for node in nodes_at(source, spot):
            for subject in find(source, node, match):
                gap = make(source, node, subject) if repeatable(subject) else None
                if gap is not None and all(one.absent != gap.absent for one in found):
                    found.append(gap)
        break
    return found


def _none(source: Source, user: cst.CSTNode, subject: cst.BaseExpression) -> Gap | None:
    if isinstance(subject, cst.SimpleString | cst.Integer):
        return None
    code = source.code(subject)
    statement = source.statement_of(subject)
    if statement is not None and code in _divisors(source, statement):
        # Zero would be the next crash of the same line.
        return Gap(user, subject, f"not {code}", code, "none")
    return Gap(user, subject, f"{code} is None", f"{code} is not None", "none")


def _divisors(source: Source, within: cst.CSTNode) -> set[str]:
    divisions = (
        one for one in source.nodes(cst.BinaryOperation, within) if isinstance(one.operator, DIVIDES)
    )
    return {source.code(one.right) for one in divisions}


def _key(source: Source, user: cst.CSTNode, subject: cst.BaseExpression) -> Gap | None:
    if not isinstance(subject, cst.Subscript) or (index := index_of(subject)) is None:
        return None
    read = f"{source.code(subject.value)}.get({source.code(index)})"
    return Gap(user, subject, f"{read} is None", f"{read} is not None", "key")


def _index(source: Source, user: cst.CSTNode, subject: cst.BaseExpression) -> Gap | None:
    if not isinstance(subject, cst.Subscript):
        return None
    code = source.code(subject.value)
    return Gap(user, subject, f"not {code}", code, "index")


def _zero(source: Source, user: cst.CSTNode, subject: cst.BaseExpression) -> Gap | None:
    counted = isinstance(subject, cst.Call) and name_of(subject.func) == "len"
    inner = arguments(subject)[0] if isinstance(subject, cst.Call) and counted else subject
    if isinstance(inner, cst.Integer | cst.Float):
        return None
    code = source.code(inner)
    return Gap(user, subject, f"not {code}", code, "zero")


def _shape(source: Source, user: cst.CSTNode, subject: cst.BaseExpression) -> Gap | None:
    code = source.code(subject)
    return Gap(user, subject, f"not isinstance({code}, dict)", f"isinstance({code}, dict)", "shape")


def _value(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Attribute) and node.attr.value == match[1]:
        yield node.value


def _subscripted(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Subscript):
        yield node.value


def _iterated(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.For | cst.CompFor):
        yield node.iter
    elif isinstance(node, COMPREHENSIONS):
        yield node.for_in.iter
    elif isinstance(node, cst.Call) and name_of(node.func) in (
        "list",
        "set",
        "tuple",
        "sorted",
        "sum",
        "max",
        "min",
    ):
        yield from arguments(node)[:1]


def _operand(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    operator = OPERATORS.get(match[1])
    right = match[3] == NONE
    if isinstance(node, cst.BinaryOperation) and operator and isinstance(node.operator, operator):
        yield node.right if right else node.left
    elif isinstance(node, cst.AugAssign) and operator and isinstance(node.operator, operator):
        yield node.value if right else node.target


def _compared(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Comparison):
        if match[2] == NONE:
            yield node.left
        if match[3] == NONE:
            yield from (one.comparator for one in node.comparisons)


def _argument(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Call) and node.args:
        yield from arguments(node)
    elif isinstance(node, cst.FormattedStringExpression | cst.UnaryOperation):
        yield node.expression
    elif isinstance(node, cst.BinaryOperation) and "concatenate" in match.string:
        yield node.right


def _contained(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Comparison):
        yield from (
            one.comparator for one in node.comparisons if isinstance(one.operator, cst.In | cst.NotIn)
        )


def _looked_up(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Subscript) and (index := index_of(node)) is not None:
        literal = text_of(index)
        if literal is None or repr(literal) == match[1]:
            yield node


def _indexed(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.Subscript) and index_of(node) is not None:
        yield node


def _divisor(source: Source, node: cst.CSTNode, match: re.Match[str]) -> Iterator[cst.BaseExpression]:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, DIVIDES):
        yield node.right
    elif isinstance(node, cst.AugAssign) and isinstance(node.operator, DIVIDES):
        yield node.value


Maker = Callable[[Source, cst.CSTNode, cst.BaseExpression], Gap | None]
_RULES: tuple[tuple[re.Pattern[str], Finder, Maker], ...] = tuple(
    (re.compile(pattern), find, make)
    for pattern, find, make in (
        (r"^AttributeError: 'NoneType' object has no attribute '(\w+)'", _value, _none),
        (r"^TypeError: 'NoneType' object is not subscriptable", _subscripted, _none),
        (
            r"^TypeError: (?:cannot unpack non-iterable )?'?NoneType'? object(?: is not iterable)?",
            _iterated,
            _none,
        ),
        (r"^TypeError: unsupported operand type\(s\) for (.+?): '(\w+)' and '(\w+)'", _operand, _none),
        (r"^TypeError: '(\S+)' not supported between instances of '(\w+)' and '(\w+)'", _compared, _none),
        (r"^TypeError: argument of type 'NoneType' is not iterable", _contained, _none),
        (r"^TypeError: .*NoneType", _argument, _none),
        (r"^TypeError: fromisoformat: argument must be str", _argument, _none),
        (r"^KeyError: ('.*'|\d+)", _looked_up, _key),
        (r"^IndexError: (?:list|tuple|string) index out of range", _indexed, _index),
        (r"^ZeroDivisionError: ", _divisor, _zero),
        (r"^ValueError: (?:min|max)\(\) (?:arg|iterable argument) is (?:an )?empty", _argument, _zero),
        (r"^StatisticsError: \w+ requires at least one", _argument, _zero),
        (
            r"^AttributeError: '(?:str|list|int|float)' object has no attribute '(get|items|keys|values)'",
            _value,
            _shape,
        ),
        (r"^TypeError: (?:string|list) indices must be integers", _subscripted, _shape),
        (r"^TypeError: '(?:int|float|bool)' object is not subscriptable", _subscripted, _shape),
    )
)
