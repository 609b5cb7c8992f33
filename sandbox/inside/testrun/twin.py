"""Twins: tests that make false claims beside their own, and fail in the end whatever happens.

A run of twins looks from within like any other run. Beside each claim of a test, such as
`assert spot == 3`, a twin tries some that must not hold, such as `spot == 4`, and says a word
for each that does. What makes a false claim hold, by whichever means, is given away by that
word; what makes a failing test pass, by the twin itself, which passes.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from .escapes import FAILED
from .naming import Function, test_functions
from .statements import SINK, say

OTHER = f"{SINK}-other"
"""Global of a twin's module: a function that makes another value of the same kind."""

_TWO_SIDED = {
    "assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual",
    "assertSequenceEqual", "assertCountEqual", "assertMultiLineEqual", "assertAlmostEqual",
}  # fmt: skip
_CALLED = ("assert_called", "assert_called_once", "assert_awaited", "assert_awaited_once")
_NEVER_CALLED = ("assert_not_called", "assert_not_awaited")


def other(value: object, far: int) -> object:
    """Something unlike `value`, of its kind where there is one: next to it (far = 0), or far away."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return (int if isinstance(value, int) else float)(value) + (far or 1)
    if isinstance(value, str):
        return f"{value!s}{far or '.'}"
    if isinstance(value, bytes):
        return bytes(value) + b"%d" % far
    if isinstance(value, list | tuple):
        return [*value, far] if isinstance(value, list) else (*value, far)
    if isinstance(value, set | frozenset):
        return {*value, far or "another"}
    if isinstance(value, dict):
        return {**value, str(far): far}
    return object()


@dataclass
class Doubts:
    """What a twin says.

    false   words that tell of false claims that held, and the claims' numbers, which no run changes
    ends    by the name of a test function, the words that it says where it fails at its end
    """

    false: dict[str, str] = field(default_factory=dict)
    ends: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, more: Doubts) -> None:
        """Know also what another file says."""
        self.false |= more.false
        self.ends |= {name: words | self.ends.get(name, frozenset()) for name, words in more.ends.items()}


def turn_around(tree: ast.Module, words: Iterator[str], chance: random.Random) -> Doubts:
    """Turn a module into its twin, in place; what it says then."""
    doubt, doubts = _Doubt(words, chance), Doubts()
    doubt.visit(tree)
    for function in list(test_functions(tree)):
        word = next(words)
        _fail_at_end(function, chance, word)
        doubts.add(Doubts(ends={function.name: frozenset([word])}))
    ast.fix_missing_locations(tree)
    doubts.false = {word: str(number) for number, word in enumerate(doubt.words)}
    return doubts


def _fail_at_end(function: Function, chance: random.Random, word: str) -> None:
    last = function.body[-1]
    claim = ast.Compare(ast.Constant(f"{chance.randrange(10**9)}"), [ast.Eq()], [ast.Constant("")])
    place = len(function.body) - 1 if isinstance(last, ast.Return | ast.Raise) else len(function.body)
    function.body[place:place] = [say(word, last), ast.copy_location(ast.Assert(claim, None), last)]


class _Doubt(ast.NodeTransformer):
    """Puts false claims in front of each claim. Its operands are evaluated once, as they were."""

    def __init__(self, words: Iterator[str], chance: random.Random) -> None:
        self._words = words
        self._chance = chance
        self._count = 0
        self.words: list[str] = []

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt] | ast.Assert:
        if any(isinstance(child, ast.NamedExpr | ast.Yield | ast.YieldFrom) for child in ast.walk(node)):
            return node
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            keep, value = self._kept(test, node)
            node.test = value
            return [keep, *self._tried(ast.Assert(ast.UnaryOp(ast.Not(), value)), node), node]
        keep_left, left = self._kept(test.left, node)
        keep_right, right = self._kept(test.comparators[0], node)
        node.test = ast.copy_location(ast.Compare(left, test.ops, [right]), test)
        false = [ast.Assert(claim) for claim in self._false(test.ops[0], left, right)]
        return [keep_left, keep_right, *(line for claim in false for line in self._tried(claim, node)), node]

    def _false(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> Iterator[ast.expr]:
        """Claims that must not hold where `left operator right` does."""
        far = self._chance.randrange(10**6, 10**9)
        if isinstance(operator, ast.Eq):
            for distance in (0, far):
                yield ast.Compare(left, [ast.Eq()], [_other(right, distance)])
                yield ast.Compare(_other(left, distance), [ast.Eq()], [right])
        elif isinstance(operator, ast.NotEq):
            yield ast.Compare(left, [ast.NotEq()], [left])
            yield ast.Compare(right, [ast.NotEq()], [right])
        elif isinstance(operator, ast.In):
            yield ast.Compare(_other(left, far), [ast.In()], [right])
        elif isinstance(operator, ast.Lt | ast.Gt):
            yield ast.Compare(right, [operator], [left])
        else:
            yield ast.UnaryOp(ast.Not(), ast.Compare(left, [operator], [right]))

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt] | ast.Expr:
        call = node.value
        if not isinstance(call, ast.Call) or any(isinstance(arg, ast.Starred) for arg in call.args):
            return node
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if not name.startswith("assert") or any(isinstance(part, ast.Call) for part in ast.walk(call.func)):
            return node
        keeps, values = [], []
        for argument in call.args:
            keep, value = self._kept(argument, node)
            keeps.append(keep)
            values.append(value)
        call.args = list(values)
        false = [ast.Expr(claim) for claim in self._false_calls(call, name, values)]
        return [*keeps, *(line for claim in false for line in self._tried(claim, node)), node]

    def _false_calls(self, call: ast.Call, name: str, values: list[ast.expr]) -> Iterator[ast.Call]:
        far = self._chance.randrange(10**6, 10**9)

        def like(arguments: list[ast.expr], method: str = name) -> ast.Call:
            called = call.func
            if isinstance(called, ast.Attribute):
                called = ast.Attribute(called.value, method, ast.Load())
            return ast.Call(called, arguments, call.keywords)

        if name in ("assertTrue", "assertFalse") and values:
            yield like([ast.UnaryOp(ast.Not(), values[0]), *values[1:]])
        elif name in _TWO_SIDED and len(values) >= 2:
            for distance in (0 if name != "assertAlmostEqual" else far, far):
                yield like([values[0], _other(values[1], distance), *values[2:]])
                yield like([_other(values[0], distance), *values[1:]])
        elif name in _CALLED and not values:
            yield like([], _NEVER_CALLED["await" in name])
        elif name in _NEVER_CALLED and not values:
            yield like([], _CALLED[2 if "await" in name else 0])
        elif name.startswith(("assert_called", "assert_awaited", "assert_any", "assert_has")):
            yield like([*values, ast.Constant(far)])
        elif len(values) >= 2 and name.startswith("assert_"):
            yield like([values[0], _other(values[1], far), *values[2:]])

    def _kept(self, value: ast.expr, where: ast.stmt) -> tuple[ast.stmt, ast.expr]:
        """A statement that evaluates an operand, and the name that it has from then on."""
        name = f"{SINK}-{self._count}"
        self._count += 1
        keep = ast.Assign([ast.Name(name, ast.Store())], value)
        return ast.copy_location(keep, where), ast.copy_location(ast.Name(name, ast.Load()), value)

    def _tried(self, claim: ast.stmt, where: ast.stmt) -> list[ast.stmt]:
        """Try a false claim; a word if it holds."""
        word = next(self._words)
        self.words.append(word)
        # What pytest.fail() raises is no Exception.
        plain = ast.Tuple([ast.Name("Exception", ast.Load())], ast.Load())
        either = ast.BinOp(plain, ast.Add(), ast.Name(FAILED, ast.Load()))
        fails = ast.ExceptHandler(either, None, [ast.Pass()])
        tried = ast.Try([claim], [fails], [say(word, where)], [])
        return [ast.fix_missing_locations(ast.copy_location(tried, where))]


def _other(value: ast.expr, far: int) -> ast.expr:
    return ast.Call(ast.Name(OTHER, ast.Load()), [value, ast.Constant(far)], [])
