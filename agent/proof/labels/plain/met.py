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
    """`lines` are those of the file that crashed, `names` expressions, `bound` what has a name there.

    `divisors` are expressions by which is divided where it crashed.
    """

    lines: frozenset[int]
    names: frozenset[str]
    called: frozenset[str]
    bound: frozenset[str]
    divisors: frozenset[str]

    @classmethod
    def of(cls, block: ast.AST, lines: frozenset[int]) -> Met:
        """Of a function, a class, or a file for what stands outside of both."""
        nodes = list(own(getattr(block, "body", [])))
        every = [each for each in nodes if isinstance(each, ast.expr)]
        given = [each for each in nodes if isinstance(each, ast.Assign)]
        met = {names(each) for each in every if is_on(each, lines)}
        for _ in range(_FURTHEST):
            came = (each.value for each in given if met & {names(target) for target in each.targets})
            met |= {names(part) for value in came for part in ast.walk(value) if isinstance(part, ast.expr)}
        calls = {names(each.func) for each in every if isinstance(each, ast.Call) and is_on(each, lines)}
        heads = ast.walk(block.args) if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef) else ()
        known = {name for each in (*nodes, *heads) for name in bound(each)}
        by = [each.right for each in every if isinstance(each, ast.BinOp) and isinstance(each.op, _DIVIDING)]
        divisors = {
            names(p) for each in by if is_on(each, lines) for p in ast.walk(each) if isinstance(p, ast.expr)
        }
        return cls(lines, frozenset(met), frozenset(calls), frozenset(known), frozenset(divisors))

    def has(self, statement: ast.AST) -> bool:
        """Whether a statement crashed, gave what crashed, or does what the one that crashed does."""
        match statement:
            case ast.Assign(targets=targets) if self.names & {names(each) for each in targets}:
                return True
            case ast.Expr(value=ast.Call(func=called)) if names(called) in self.called:
                return True
        return is_on(statement, self.lines)


def is_on(node: ast.AST, lines: frozenset[int]) -> bool:
    """Whether a node is on one of these lines; of a block its head."""
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    block = getattr(node, "body", None)
    if isinstance(block, list) and block:
        last = max(first, block[0].lineno - 1)
    return any(first <= line <= last for line in lines)
