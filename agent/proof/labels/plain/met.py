"""What a crash met in one function of the base: its expressions, where these came from, what was called."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from agent.proof.labels.plain.conditions import names
from agent.proof.labels.plain.words import bound
from agent.proof.labels.sources import own

_DIVIDING = (ast.Div, ast.FloorDiv, ast.Mod)
_FURTHEST = 3
"""How many local names lie between what crashed and where that came from."""


@dataclass(frozen=True, slots=True)
class Met:
    """What stands on the `lines` of a file that the crash went through.

    names     expressions on them, and what these came from
    operands  of these, what may be asked for: in the culprit what the crash worked with, for a KeyError
              what has that key or not; in a caller what came of the call that crashed
    divisors  expressions by which is divided there
    called    functions that are called there
    bound     what has a name in that scope
    """

    lines: frozenset[int]
    names: frozenset[str]
    operands: frozenset[str]
    divisors: frozenset[str]
    called: frozenset[str]
    bound: frozenset[str]

    @classmethod
    def of(cls, block: ast.AST, lines: frozenset[int], culprit: int, key: str) -> Met:
        """Of a function, a class, or a file for what stands outside of both; `culprit` is a line, or 0."""
        nodes = list(own(getattr(block, "body", [])))
        every = [each for each in nodes if isinstance(each, ast.expr)]
        hit = [each for each in every if is_on(each, lines)]
        inner = [each for each in every if is_on(each, frozenset({culprit}))]
        operands = _with_sources(inner, nodes) if inner else _results(nodes, lines)
        if inner and key:
            operands = {name for each in inner for name in _keyed(each, key)}
        by = [each.right for each in hit if isinstance(each, ast.BinOp) and isinstance(each.op, _DIVIDING)]
        return cls(
            lines,
            frozenset(_with_sources(hit, nodes)),
            frozenset(operands),
            frozenset(names(part) for each in by for part in ast.walk(each) if isinstance(part, ast.expr)),
            frozenset(names(each.func) for each in hit if isinstance(each, ast.Call)),
            frozenset(name for each in (*nodes, *_arguments(block)) for name in bound(each)),
        )

    def has(self, statement: ast.AST) -> bool:
        """Whether a statement crashed, gave what crashed, or does what the one that crashed does."""
        match statement:
            case ast.Assign(targets=targets) if self.names & {names(each) for each in targets}:
                return True
            case ast.Expr(value=ast.Call(func=called)) if names(called) in self.called:
                return True
        return is_on(statement, self.lines)


def _with_sources(hit: list[ast.expr], nodes: list[ast.AST]) -> set[str]:
    """Expressions, and those that local names among them were given."""
    given = [each for each in nodes if isinstance(each, ast.Assign)]
    met = {names(each) for each in hit}
    for _ in range(_FURTHEST):
        came = (each.value for each in given if met & {names(target) for target in each.targets})
        met |= {names(part) for value in came for part in ast.walk(value) if isinstance(part, ast.expr)}
    return met


def _results(nodes: list[ast.AST], lines: frozenset[int]) -> set[str]:
    """The name that a statement on these lines gives to what it was given: all of it, and no part."""
    given = (each for each in nodes if isinstance(each, ast.Assign) and is_on(each, lines))
    return {each.targets[0].id for each in given if isinstance(each.targets[0], ast.Name)}


def _keyed(node: ast.expr, key: str) -> list[str]:
    """What is read by a key, and what it is read of."""
    match node:
        case ast.Subscript(value=owner, slice=ast.Constant(value=value)) if value == key:
            return [names(node), names(owner)]
        case ast.Subscript(value=owner, slice=ast.expr() as computed) if not isinstance(
            computed, ast.Constant
        ):
            return [names(node), names(owner), names(computed)]
    return []


def _arguments(block: ast.AST) -> list[ast.AST]:
    return list(ast.walk(block.args)) if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef) else []


def is_on(node: ast.AST, lines: frozenset[int]) -> bool:
    """Whether a node is on one of these lines; of a block its head."""
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    block = getattr(node, "body", None)
    if isinstance(block, list) and block:
        last = max(first, block[0].lineno - 1)
    return any(first <= line <= last for line in lines)
