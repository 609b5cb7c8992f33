"""Test functions made to leave a trail, so that 'passed' can be checked by somebody else.

Every test function says a secret word when it is entered, after each statement of its body and
before each return. The words are drawn anew for each run. A body that was skipped, cut short,
replaced or that went on after a false assertion leaves another trail than the one that was
planned from the file's own syntax tree. Claims that stand further in, or in helpers, fakes and
fixtures of whichever file of the tests, say a word, too (see claims), and so do functions that a
failed claim leaves for code under test (see escapes).
"""

from __future__ import annotations

import ast
from _blake2 import blake2b  # by hashlib it comes with OpenSSL, which takes longer than all the rest here
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from . import escapes
from .claims import Claims
from .naming import Function, test_functions
from .statements import SINK, must_raise, say, visit_statements

_Block = TypeVar(
    "_Block", ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.FunctionDef, ast.AsyncFunctionDef
)


@dataclass(frozen=True)
class Trail:
    """What one test function says when it runs from its first to its last statement.

    enter    said first
    steps    said after each statement of the body, in this order
    returns  said just before a return, with the number of steps that come before it
    never    said only when a block that must raise did not
    parts    said at the end of each loop, block and inner function, with a name that no run changes
    repeated said by claims of each of several things, which a test without any such thing does not make
    """

    name: str
    enter: str
    steps: tuple[str, ...]
    returns: dict[str, int]
    never: frozenset[str]
    parts: dict[str, str]
    repeated: frozenset[str] = frozenset()

    def complete(self, words: list[str]) -> bool:
        """Whether these words are those of a body that ran to its end."""
        own = [word for word in words if word == self.enter or word in self.steps or word in self.returns]
        if not own or own[0] != self.enter or not self.never.isdisjoint(words):
            return False
        done = [word for word in own if word in self.steps]
        if tuple(done) != self.steps[: len(done)]:
            return False
        return len(done) == len(self.steps) or any(
            self.returns[word] == len(done) for word in own if word in self.returns
        )


@dataclass(frozen=True)
class Speech:
    """What a whole file says. Words stand for names that no run changes: `path:line` and what it is there.

    trails   of its test functions
    claims   said after each claim that is no statement of a test's body, and in each part of a claim
             that may be left out of it
    escapes  said by a function that a failed claim leaves for code under test
    """

    trails: tuple[Trail, ...] = ()
    claims: dict[str, str] = field(default_factory=dict)
    escapes: dict[str, str] = field(default_factory=dict)


def instrument(tree: ast.Module, path: str, seed: str) -> Speech:
    """Make a module of the tests talk; returns what it will say.

    The same tree, path and seed give the same words: who plans the run and who runs it need not
    tell each other.
    """
    claims = Claims(words_of(seed, f"{path} claims"), path)
    functions = list(test_functions(tree))
    claims.listen(tree, functions)
    trails = []
    for number, function in enumerate(functions):
        speaking = _Speaking(function, words_of(seed, f"{path} {number}"), path, f"{function.name}#{number}")
        trails.append(speaking.trail(claims.repeated_in(function)))
    told = escapes.listen(tree, functions, words_of(seed, f"{path} escapes"), path)
    return Speech(tuple(trails), claims.parts, told)


def words_of(seed: str, purpose: str) -> Iterator[str]:
    """Words that nobody guesses without the seed."""
    count = 0
    while True:
        yield blake2b(f"{seed} {purpose} {count}".encode(), digest_size=9).hexdigest()
        count += 1


class _Speaking(ast.NodeTransformer):
    """Rewrites one test function in place."""

    def __init__(self, function: Function, words: Iterator[str], path: str, name: str) -> None:
        self.function = function
        self.words = words
        self.path = path
        self.name = name
        self.parts: dict[str, str] = {}
        self.steps: list[str] = []
        self.returns: dict[str, int] = {}
        self.never: set[str] = set()

    def trail(self, repeated: frozenset[str]) -> Trail:
        body, enter = self.function.body, next(self.words)
        first = 1 if ast.get_docstring(self.function, clean=False) is not None else 0
        spoken: list[ast.stmt] = [*body[:first], say(enter, body[0])]
        for statement in body[first:]:
            self._listen_for_no_raise(statement)
            changed = self.visit(statement)
            spoken += changed if isinstance(changed, list) else [changed]
            word = next(self.words)
            self.steps.append(word)
            spoken.append(say(word, statement))
        self.function.body = spoken
        return Trail(
            self.function.name,
            enter,
            tuple(self.steps),
            self.returns,
            frozenset(self.never),
            self.parts,
            repeated,
        )

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return visit_statements(self, node)

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        word = next(self.words)
        self.returns[word] = len(self.steps)
        value = node.value or ast.copy_location(ast.Constant(None), node)
        keep = ast.Assign([ast.Name(f"{SINK}-value", ast.Store())], value)
        give = ast.Return(ast.Name(f"{SINK}-value", ast.Load()))
        kept, given = (ast.fix_missing_locations(ast.copy_location(each, node)) for each in (keep, give))
        return [kept, say(word, node), given]

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        return self._part(node)

    def visit_With(self, node: ast.With) -> ast.With:
        self.generic_visit(node)
        return node if any(must_raise(item.context_expr) for item in node.items) else self._part(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AsyncFor:
        self.generic_visit(node)
        return self._part(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AsyncWith:
        self.generic_visit(node)
        return self._part(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._part(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._part(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def _part(self, node: _Block) -> _Block:
        """A word at the end of a block; the name of the part is its place among the test's parts."""
        word, last = next(self.words), node.body[-1]
        self.parts[word] = f"{self.path}:{node.lineno} {self.name}.{len(self.parts)}"
        if isinstance(last, ast.Return | ast.Break | ast.Continue):
            node.body.insert(len(node.body) - 1, say(word, last))
        elif not isinstance(last, ast.Raise):
            node.body.append(say(word, last))
        return node

    def _listen_for_no_raise(self, node: ast.stmt) -> None:
        # Only the last item: the end of a block that stands around another may be reached before that raises.
        if isinstance(node, ast.With) and must_raise(node.items[-1].context_expr):
            word = next(self.words)
            self.never.add(word)
            node.body = [*node.body, say(word, node.body[-1])]
