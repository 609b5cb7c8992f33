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
    fresh_places = after.keys() - before.keys()
    helpers = {place.rpartition(".")[2]: after[place] for place in fresh_places if not place.endswith(".py")}
    for place in sorted(before.keys() & after.keys()):
        first, second = _statements(before[place]), _statements(after[place])
        was, now = ([ast.dump(each) for each in side] for side in (first, second))
        fresh = [each for each, dump in zip(second, now, strict=True) if dump not in was]
        bare = _Bare(dict(_named(fresh)), helpers)
        for kind, start, end, begin, stop in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
            if kind == "replace":
                had, has = _Bare({}, {}).of(first[start:end]), bare.of(second[begin:stop])
                pairs, others = dict(_pairs(had)), dict(_pairs(has))
                parts = [
                    ("", had, has),
                    *((p, [pairs[p]], [others[p]]) for p in sorted(pairs.keys() & others.keys())),
                ]
                for part, one, other in parts:
                    for name in sorted(_used(one) - _used(other)):
                        if not (_is_unknown(name, words) or _is_said(name, said)):
                            yield f"{part or f'`{shown(first[start])}`'} without {name}"


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


def _pairs(statements: list[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """What is put under a key, a keyword or one of several names."""
    for node in (n for each in statements for n in ast.walk(each)):
        match node:
            case ast.Dict(keys=keys, values=values):
                yield from ((f"{shown(k)}:", v) for k, v in zip(keys, values, strict=True) if k is not None)
            case ast.keyword(arg=str(name), value=value):
                yield f"{name}=", value
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                yield from ((f"{shown(t)} =", v) for t, v in zip(targets, values, strict=False))


def _used(statements: list[ast.AST]) -> Counter[str]:
    """Names, attributes, constants and operators, by how often they stand there."""
    found: Counter[str] = Counter()
    for node in (n for each in statements for n in ast.walk(each)):
        match node:
            case ast.Compare(ops=ops):
                found.update(f"the operator {type(op).__name__}" for op in ops)
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()):
                found[name] += 1
            case ast.Constant(value=str() | int() | float() as value) if not isinstance(value, bool):
                found[repr(value)] += 1
            case ast.BinOp(op=op) | ast.AugAssign(op=op):
                found[f"the operator {type(op).__name__}"] += 1
    return found


class _Bare(ast.NodeTransformer):
    """Takes guards for missing data away, and puts what new names and helpers stand for in their place."""

    def __init__(self, named: Mapping[str, ast.expr], helpers: Mapping[str, ast.AST]) -> None:
        self._named, self._helpers = dict(named), dict(helpers)

    def of(self, statements: list[ast.stmt]) -> list[ast.AST]:
        """The statements without their guards."""
        return [self.visit(deepcopy(each)) for each in statements]

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
        value = self._named.get(node.id) if isinstance(node.ctx, ast.Load) else None
        if value is None:
            return node
        others = {name: each for name, each in self._named.items() if name != node.id}
        given: ast.AST = _Bare(others, self._helpers).visit(deepcopy(value))
        return given

    def visit_Call(self, node: ast.Call) -> ast.AST:
        helper = self._helpers.get(last_name(node.func), None)
        called = self.generic_visit(node)
        both: list[Any] = [called, deepcopy(helper)]
        return called if helper is None else ast.Tuple(elts=both)


def _functions(trees: Trees) -> dict[str, ast.AST]:
    """Functions by their place, and files by their path for what stands outside of functions."""
    placed = (each for module in trees.values() for each in module.placed)
    functions = {f"{place}.{node.name}": node for place, node in placed if isinstance(node, Function)}
    return {**functions, **{path: module.tree for path, module in trees.items()}}


def _statements(whole: ast.AST) -> list[ast.stmt]:
    """The plain statements of a function in their order, and the heads of its blocks."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [whole]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function) and node is not whole:
            continue
        if (
            isinstance(node, ast.stmt)
            and node is not whole
            and not isinstance(node, (*_COMPOUND, ast.ClassDef))
        ):
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                found.append(node)
            continue
        waiting += reversed(
            [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.expr | ast.arguments)]
        )
    return found
