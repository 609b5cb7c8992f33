"""Guards for missing data: whether a question is one, and whether it asks for what crashed."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from agent.proof.labels.plain.conditions import LEAVING, asks_for_missing, names, subjects, tells
from agent.proof.labels.plain.message import Message
from agent.proof.labels.plain.met import Met
from agent.proof.labels.plain.same import Given, core
from agent.proof.labels.sources import own, shown


def is_guard(found: ast.If) -> bool:
    """Whether an `if` leaves where data is missing, after it has told the log or counted it."""
    *before, last = found.body
    return (
        not found.orelse
        and asks_for_missing(found.test) is True
        and isinstance(last, LEAVING)
        and all(map(tells, before))
    )


def guards(before: ast.AST, after: ast.AST, given: Given, met: Met, message: Message) -> Iterator[str]:
    """New questions for missing data that ask for what did not crash, or take what is there for missing."""
    asked = Counter(map(ast.dump, _questions(before)))
    for test in _questions(after):
        dump = ast.dump(test)
        asked[dump] -= 1
        if asked[dump] >= 0 or asks_for_missing(test) is None:
            continue
        for each in subjects(test):
            if not _stands_for(each, given, message) & met.operands:
                yield f"asks for `{shown(each)}`, which is not what crashed"
        for each in _taken(test):
            divides = bool(_stands_for(each, given, message) & met.divisors)
            if not (divides if message.divided else message.empty):
                yield f"takes a `{shown(each)}` of 0 or nothing for missing"


def _stands_for(node: ast.expr, given: Given, message: Message) -> set[str]:
    return {names(node), names(core(node, given, message.conversions))}


def _taken(test: ast.expr) -> Iterator[ast.expr]:
    """What a question takes for missing where it is only 0, or empty."""
    match test:
        case ast.UnaryOp(operand=operand):
            yield from _taken(operand)
        case ast.BoolOp(values=values):
            yield from (each for value in values for each in _taken(value))
        case ast.Compare(left=left, comparators=[ast.Constant(value=value)]) if value is not None:
            yield left
        case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call():
            yield test


def _questions(scope: ast.AST) -> Iterator[ast.expr]:
    for node in own(getattr(scope, "body", [])):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield test
            case ast.comprehension(ifs=ifs):
                yield from ifs
            case ast.BoolOp(values=values):
                yield from values[:-1]
