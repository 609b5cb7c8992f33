"""Statements of a test file, made to say words as they run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

SINK = "@autohealer"
"""Global of an instrumented module: a counter for each word that it says. No identifier of any source."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def blocks_of(node: ast.AST) -> Iterator[list[Any]]:
    """The lists of statements, and of what holds statements, that a node consists of.

    No statement stands in an expression, and most of a tree is expressions: they are passed by.
    """
    for name in _BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def visit_statements(visitor: ast.NodeVisitor, node: ast.AST) -> ast.AST:
    """Visit the statements below a node and nothing else, and put one or several in a statement's place."""
    for block in blocks_of(node):
        changed = [visitor.visit(child) for child in block]
        block[:] = [each for one in changed for each in (one if isinstance(one, list) else [one])]
    return node


def say(word: str, where: ast.stmt) -> ast.stmt:
    """The statement that says a word, at the place of another."""
    return ast.fix_missing_locations(ast.copy_location(ast.Expr(saying(word)), where))


def saying(word: str) -> ast.expr:
    """The expression that says a word once more."""
    counter = ast.Subscript(ast.Name(SINK, ast.Load()), ast.Constant(word), ast.Load())
    return ast.Call(ast.Attribute(counter, "__next__", ast.Load()), [], [])


def must_raise(expression: ast.expr) -> bool:
    """Whether a block that this is the head of must be left by an exception."""
    if not isinstance(expression, ast.Call):
        return False
    return called_name(expression) in ("raises", "assertRaises", "assertRaisesRegex")


def called_name(call: ast.Call) -> str:
    """The last name of what is called; empty where it has none."""
    called = call.func
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
