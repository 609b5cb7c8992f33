"""The claims of a test file, made to say when they were made, and so each part that may be left out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TypeVar

from .naming import Function
from .statements import SINK, called_name, say, visit_statements

_Several = TypeVar("_Several", ast.GeneratorExp, ast.ListComp, ast.SetComp)


class Claims(ast.NodeTransformer):
    """Makes claims talk that a test can pass without: in branches, loops, fakes and helpers."""

    def __init__(self, words: Iterator[str], path: str) -> None:
        self._words = words
        self._path = path
        self._plain: set[int] = set()
        self.parts: dict[str, str] = {}

    def listen(self, tree: ast.Module, tests: list[Function]) -> None:
        """Rewrite a module in place; what stands in the body of a test itself is left to its trail."""
        self._plain = {id(statement) for test in tests for statement in test.body}
        self.visit(tree)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return visit_statements(self, node)

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt] | ast.Assert:
        node.test = _Within(self._word).visit(node.test)
        return node if id(node) in self._plain else self._heard(node)

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt] | ast.Expr:
        call = node.value
        name = called_name(call) if isinstance(call, ast.Call) else ""
        return self._heard(node) if name.startswith("assert") and id(node) not in self._plain else node

    def _heard(self, claim: ast.stmt) -> list[ast.stmt]:
        return [claim, say(self._word(), claim)]

    def _word(self) -> str:
        word = next(self._words)
        self.parts[word] = f"{self._path} {len(self.parts)}"
        return word


class _Within(ast.NodeTransformer):
    """Makes the parts of a claim talk that it may be made without: `or`, `if`, what is said of each item."""

    def __init__(self, word: Callable[[], str]) -> None:
        self._word = word

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.BoolOp:
        self.generic_visit(node)
        # Of two claims the second may well not be needed any more; behind `not found` it may not be left out.
        if isinstance(node.op, ast.And) or any(map(_asks_for_nothing, node.values[:-1])):
            node.values[1:] = map(self._heard, node.values[1:])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        self.generic_visit(node)
        node.body, node.orelse = self._heard(node.body), self._heard(node.orelse)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs[:1] = map(self._heard, node.ifs[:1])
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.GeneratorExp:
        return self._each(node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.ListComp:
        return self._each(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.SetComp:
        return self._each(node)

    def _each(self, node: _Several) -> _Several:
        self.generic_visit(node)
        # Whether an item gets through conditions may well be what is claimed.
        if not any(each.ifs for each in node.generators):
            node.elt = self._heard(node.elt)
        return node

    def _heard(self, part: ast.expr) -> ast.expr:
        """The same value, after a word."""
        say = ast.Call(ast.Name(SINK, ast.Load()), [ast.Constant(self._word())], [])
        both = ast.Tuple([say, part], ast.Load())
        chosen = ast.copy_location(ast.Subscript(both, ast.Constant(1), ast.Load()), part)
        return ast.fix_missing_locations(chosen)


def _asks_for_nothing(part: ast.expr) -> bool:
    """`not x` or `x is None`: whether there is anything at all to claim something of."""
    if isinstance(part, ast.UnaryOp):
        return isinstance(part.op, ast.Not)
    if not isinstance(part, ast.Compare) or not isinstance(part.ops[0], ast.Is | ast.Eq):
        return False
    return any(_is_nothing(side) for side in (part.left, *part.comparators))


def _is_nothing(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Tuple):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.Constant) and not value.value
