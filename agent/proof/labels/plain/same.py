"""Whether a mended statement works out what it worked out: the same operands in the same places.

What a repair of it is made of is looked through: guards for missing data, a default that is written down, a
conversion, a key that is read by `get`, an `await`, and words that the crash speaks of.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from agent.proof.labels.plain.conditions import asks_for_missing
from agent.proof.labels.plain.message import Message

Given = Mapping[str, ast.expr]
"""What new local names stand for."""
_FAR = 0.75
"""How little two words are alike that a reader is to look at."""


def is_same(one: ast.AST, other: ast.AST, given: Given, message: Message) -> bool:
    """Whether a statement of the base does what another one does, `given` what new names stand for."""
    kinds = message.conversions
    if _awaits(other) < _awaits(one) or (_defaults(one) and _defaults(one) != _defaults(other)):
        return False
    return _alike(core(one, {}, kinds), core(other, given, kinds), message)


def is_renamed(one: ast.AST, other: ast.AST, message: Message) -> bool:
    """Whether a statement is another one, word for word, but for words of which the crash speaks."""
    return _alike(one, other, replace(message, refused=False))


def core(node: ast.AST, given: Given, kinds: frozenset[str]) -> ast.AST:
    """A tree without what a repair puts around, and with what new names stand for in their place.

    `kinds` are the conversions that the crash asks for.
    """
    found: ast.AST = _Core(given, kinds).visit(deepcopy(node))
    return found


def swapped(one: ast.AST, other: ast.AST, given: Given, message: Message) -> Iterator[tuple[str, str]]:
    """The words that give way to others unlike them: whether those are the right ones, nobody knows."""
    first, second = (_words(core(node, given, message.conversions)) for node in (one, other))
    for was, now in zip(first, second, strict=False) if len(first) == len(second) else ():
        if was != now and was in message.words and SequenceMatcher(None, was, now).ratio() < _FAR:
            yield was, now


def _words(node: ast.AST) -> list[str]:
    """The words of a tree, in an order that only its shape decides."""
    found = []
    for each in ast.walk(node):
        match each:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                found.append(word)
            case ast.keyword(arg=str(word)) | ast.arg(arg=word) | ast.alias(name=word):
                found.append(word)
    return found


def _defaults(node: ast.AST) -> list[str]:
    """What is taken where a key is missing."""
    found = []
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Attribute(attr="get"), args=[_, default]):
                found.append(ast.dump(default))
    return found


def _awaits(node: ast.AST) -> int:
    return sum(isinstance(each, ast.Await) for each in ast.walk(node))


def _alike(one: Any, other: Any, message: Message) -> bool:
    """Whether two trees are the same, but for words of which the crash speaks."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_alike(*pair, message) for pair in zip(one, other, strict=True))
    if isinstance(one, str) and isinstance(other, str):
        return one == other or one in message.words
    if not isinstance(one, ast.AST):
        return bool(one == other) and type(one) is type(other)
    if isinstance(one, ast.Call) and isinstance(other, ast.Call) and message.refused:
        # How something is to be called is what the crash is about.
        return _alike(one.func, other.func, message)
    return type(one) is type(other) and all(
        _alike(getattr(one, name, None), getattr(other, name, None), message) for name in one._fields
    )


class _Core(ast.NodeTransformer):
    """Takes away what a repair puts around, and what new names stand for in their place."""

    def __init__(self, given: Given, kinds: frozenset[str]) -> None:
        self._given, self._kinds = dict(given), kinds

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        missing = asks_for_missing(node.test)
        if missing is None:
            return self.generic_visit(node)
        core: ast.AST = self.visit(node.orelse if missing else node.body)
        return core

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        core: ast.AST
        first, *others = node.values
        if isinstance(node.op, ast.Or) and asks_for_missing(first) is False and all(map(_is_written, others)):
            core = self.visit(first)
        else:
            core = self.generic_visit(node)
        return core

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[only], keywords=[]) if name in self._kinds:
                core: ast.AST = self.visit(only)
                return core
            case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[key, *rest], keywords=[]):
                if all(map(_is_written, rest)):
                    return self.generic_visit(ast.Subscript(owner, key, ast.Load()))
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.ifs = [each for each in node.ifs if asks_for_missing(each) is not False]
        return self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        """`[x for x in rows]` is rows."""
        seen = self.generic_visit(node)
        match seen:
            case ast.ListComp(elt=elt, generators=[ast.comprehension(target=target, iter=rows, ifs=[])]):
                return rows if ast.unparse(elt) == ast.unparse(target) else seen
        return seen

    def visit_Await(self, node: ast.Await) -> ast.AST:
        core: ast.AST = self.visit(node.value)
        return core

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self._given.get(node.id) if isinstance(node.ctx, ast.Load) else None
        if value is None:
            return node
        others = {name: each for name, each in self._given.items() if name != node.id}
        core: ast.AST = _Core(others, self._kinds).visit(deepcopy(value))
        return core


def _is_written(node: ast.expr) -> bool:
    """A value that stands there: it has a label of its own."""
    inner = [each for each in ast.walk(node) if isinstance(each, ast.expr)]
    shaped = isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set)
    return all(isinstance(each, ast.Constant) for each in (inner[1:] if shaped else inner))
