"""The claims of a test file, made to say when they were made, and so each part that may be left out."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from .naming import Function
from .statements import called_name, must_raise, say, saying, visit_statements

_Several = TypeVar("_Several", ast.GeneratorExp, ast.ListComp, ast.SetComp)
_LEAVES = (ast.Break, ast.Continue, ast.Return)
_FIND = ("any", "next")


class Claims(ast.NodeTransformer):
    """Makes claims talk that a test can pass without: in branches, loops, fakes and helpers.

    `parts` are names by word: where a claim stands, and its number. One without a number is made as often
    as it takes to find something.
    """

    def __init__(self, words: Iterator[str], path: str) -> None:
        self._words = words
        self._path = path
        self._plain: set[int] = set()
        self._tests: set[int] = set()
        self._repeated: dict[int, set[str]] = {}
        self._test: int | None = None
        self._loops = False
        self.parts: dict[str, str] = {}

    def listen(self, tree: ast.Module, tests: list[Function]) -> None:
        """Rewrite a module in place; what stands in the body of a test itself is left to its trail."""
        self._plain = {id(statement) for test in tests for statement in test.body}
        self._tests = {id(test) for test in tests}
        self.visit(tree)

    def repeated_in(self, test: Function) -> frozenset[str]:
        """The words of a test's claims of each of several things, where nothing else decides on them."""
        return frozenset(self._repeated.get(id(test), ()))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        # Below what decides whether it is run, or what runs at another time, nothing need be claimed.
        with self._below(None, loops=False):
            return visit_statements(self, node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Function) -> ast.AST:
        with self._below(id(node) if id(node) in self._tests else None, loops=False):
            return visit_statements(self, node)

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._loop(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self._loop(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._loop(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> ast.AST:
        decided = node.orelse or any(isinstance(each, _LEAVES) for each in ast.walk(node))
        with self._below(None if decided else self._test, loops=True):
            return visit_statements(self, node)

    def visit_With(self, node: ast.With) -> ast.AST:
        return self._block(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self._block(node)

    def _block(self, node: ast.With | ast.AsyncWith) -> ast.AST:
        raises = any(must_raise(item.context_expr) for item in node.items)
        with self._below(None if raises else self._test, loops=self._loops):
            return visit_statements(self, node)

    @contextlib.contextmanager
    def _below(self, test: int | None, *, loops: bool) -> Iterator[None]:
        """Whose claims are visited: those of a test that makes them whatever comes, or (None) may not."""
        before = self._test, self._loops
        self._test, self._loops = test, loops
        yield
        self._test, self._loops = before

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt] | ast.Assert:
        node.test = _Within(self._word, _of_each(node.test)).visit(node.test)
        return node if id(node) in self._plain else self._heard(node)

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt] | ast.Expr:
        call = node.value
        name = called_name(call) if isinstance(call, ast.Call) else ""
        return self._heard(node) if name.startswith("assert") and id(node) not in self._plain else node

    def _heard(self, claim: ast.stmt) -> list[ast.stmt]:
        return [claim, say(self._word(claim, repeated=self._loops), claim)]

    def _word(self, where: ast.stmt | ast.expr, *, repeated: bool = False, counted: bool = True) -> str:
        word = next(self._words)
        number = f"{len(self.parts)}" if counted else f"#{len(self.parts)}"
        self.parts[word] = f"{self._path}:{where.lineno} {number}"
        if repeated and self._test is not None:
            self._repeated.setdefault(self._test, set()).add(word)
        return word


class _Within(ast.NodeTransformer):
    """Makes the parts of a claim talk that it may be made without: `or`, `if`, what is said of each item.

    `of_each` is what the whole claim says of each of several things.
    """

    def __init__(self, word: Callable[..., str], of_each: ast.expr | None) -> None:
        self._word = word
        self._of_each = of_each
        self._counted = True

    def visit_Call(self, node: ast.Call) -> ast.Call:
        counted, self._counted = self._counted, self._counted and called_name(node) not in _FIND
        self.generic_visit(node)
        self._counted = counted
        return node

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
            node.elt = self._heard(node.elt, repeated=node is self._of_each)
        return node

    def _heard(self, part: ast.expr, *, repeated: bool = False) -> ast.expr:
        """The same value, after a word."""
        word = self._word(part, repeated=repeated, counted=self._counted)
        both = ast.Tuple([saying(word), part], ast.Load())
        chosen = ast.copy_location(ast.Subscript(both, ast.Constant(1), ast.Load()), part)
        return ast.fix_missing_locations(chosen)


def _of_each(claim: ast.expr) -> ast.expr | None:
    """What `all(...)` or `not any(...)` says of each of several things: it holds of nothing, too."""
    wanted = "all"
    if isinstance(claim, ast.UnaryOp) and isinstance(claim.op, ast.Not):
        wanted, claim = "any", claim.operand
    if isinstance(claim, ast.Call) and called_name(claim) == wanted and len(claim.args) == 1:
        return claim.args[0]
    return None


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
