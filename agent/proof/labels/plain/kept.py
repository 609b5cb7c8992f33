"""Whether a statement that is mended still does with the same data what it did, guards around it apart."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from difflib import SequenceMatcher
from typing import Any

from agent.proof.labels.constants import last_name
from agent.proof.labels.plain.conditions import asks_for_missing
from agent.proof.labels.plain.words import Words
from agent.proof.labels.sources import Function, Trees, shown

_COMPOUND = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)


def kept(old: Trees, new: Trees, words: Words, said: str) -> Iterator[str]:
    """What mended statements no longer use; `said` is the crash's message, and what it names may go."""
    before, after = _functions(old), _functions(new)
    helpers = {place.rpartition(".")[2]: after[place] for place in after.keys() - before.keys()}
    for place in before.keys() & after.keys():
        first, second = _statements(before[place]), _statements(after[place])
        was, now = ([ast.dump(each) for each in side] for side in (first, second))
        fresh = [each for each, dump in zip(second, now, strict=True) if dump not in was]
        bare = _Bare(dict(_named(fresh)), helpers)
        for kind, start, end, begin, stop in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
            if kind == "replace":
                less = _used(first[start:end], _Bare({}, {})) - _used(second[begin:stop], bare)
                for name in sorted(less):
                    if not (_is_unknown(name, words) or _is_said(name, said)):
                        yield f"`{shown(first[start])}` without {name}"


def _is_unknown(name: str, words: Words) -> bool:
    """Whether nobody defines a name: it may be what the crash is about."""
    known = words.defines(name) or name in words.names or hasattr(builtins, name)
    return name.isidentifier() and not known


def _is_said(name: str, said: str) -> bool:
    """Whether the crash is about a key, or about a name that is not there."""
    if not name.isidentifier():
        return name in said
    return re.search(rf"(?:attribute|argument|name|variable):? '{name}'", said) is not None


def _named(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """New local names for what is worked out once."""
    for each in statements:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            yield each.targets[0].id, each.value


def _used(statements: list[ast.stmt], bare: _Bare) -> Counter[str]:
    """Names, attributes, constants and operators, by how often they stand there."""
    found: Counter[str] = Counter()
    for node in (n for each in statements for n in ast.walk(bare.visit(deepcopy(each)))):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                found[name] += 1
            case ast.Constant(value=str() | int() | float() as value) if not isinstance(value, bool):
                found[repr(value)] += 1
            case ast.BinOp(op=op) | ast.AugAssign(op=op):
                found[type(op).__name__] += 1
    return found


class _Bare(ast.NodeTransformer):
    """Takes guards for missing data away, and puts what new names and helpers stand for in their place."""

    def __init__(self, named: Mapping[str, ast.expr], helpers: Mapping[str, ast.AST]) -> None:
        self._named, self._helpers = dict(named), dict(helpers)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        missing = asks_for_missing(node.test)
        if missing is None:
            return self.generic_visit(node)
        bare: ast.AST = self.visit(node.orelse if missing else node.body)
        return bare

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if isinstance(node.op, ast.And) and asks_for_missing(node.values[0]) is False:
            bare: ast.AST = self.visit(node.values[-1])
            return bare
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self._named.pop(node.id, None) if isinstance(node.ctx, ast.Load) else None
        return node if value is None else self.generic_visit(deepcopy(value))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        helper = self._helpers.pop(last_name(node.func), None)
        called = self.generic_visit(node)
        both: list[Any] = [called, deepcopy(helper)]
        return called if helper is None else ast.Tuple(elts=both)


def _functions(trees: Trees) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    placed = (each for module in trees.values() for each in module.placed)
    return {f"{place}.{node.name}": node for place, node in placed if isinstance(node, Function)}


def _statements(function: ast.AST) -> list[ast.stmt]:
    """The plain statements of a function in their order, and the heads of its blocks."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt) and node is not function and not isinstance(node, _COMPOUND):
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                found.append(node)
            continue
        waiting += reversed(
            [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.expr | ast.arguments)]
        )
    return found
