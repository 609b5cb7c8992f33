"""What the base does and the patch does not do any more, though nothing asked for that.

A name that nobody defines may go: it is what a crash is often about.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

from agent.proof.labels.plain.conditions import is_none
from agent.proof.labels.plain.words import Words
from agent.proof.labels.sources import Function, Trees, nodes, own, shown

_STORED = (ast.Attribute, ast.Subscript)


def gone(old: Trees, new: Trees, words: Words) -> Iterator[str]:
    """Calls, stores, questions, loops, sums and numbers that are fewer than on the base."""
    before, after = list(nodes(old)), list(nodes(new))
    for name in _fewer(_used(before), _used(after)):
        if words.defines(name) or hasattr(builtins, name):
            yield f"no {name} any more"
    for what in _fewer(_stores(before), _stores(after)):
        yield f"sets {what} no more"
    for what in _fewer(_asked(before), _asked(after)):
        yield f"no longer asks `{what}`"
    sources = " ".join(_looped(after, words))
    yield from (f"no longer goes through {each}" for each in _looped(before, words) if each not in sources)
    for what in _fewer(_computed(before), _computed(after)):
        yield f"works out `{what}` no more"
    for what in _fewer(_numbers(before), _numbers(after)):
        yield f"no {what} any more"
    yield from _left_out(old, new)
    yield from _given_up(old, new)


def _fewer(before: Counter[str], after: Counter[str]) -> list[str]:
    return sorted(before - after)


def _used(every: list[ast.AST]) -> Counter[str]:
    """Names that are read, and attributes."""
    names = (each.id for each in every if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    parts = (
        each.attr for each in every if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load)
    )
    return Counter([*names, *parts])


def _stores(every: list[ast.AST]) -> Counter[str]:
    return Counter(
        shown(each) for each in every if isinstance(each, _STORED) and isinstance(each.ctx, ast.Store)
    )


def _asked(every: list[ast.AST]) -> Counter[str]:
    tests = [getattr(each, "test", None) for each in every]
    tests += [test for each in every if isinstance(each, ast.comprehension) for test in each.ifs]
    return Counter(shown(test) for test in tests if isinstance(test, ast.expr))


def _looped(every: list[ast.AST], words: Words) -> list[str]:
    """What loops go through; of a call of what nobody defines only what it is given."""
    sources = (each.iter for each in every if isinstance(each, ast.For | ast.AsyncFor | ast.comprehension))
    return [shown(ast.Tuple(each.args) if _is_undefined(each, words) else each) for each in sources]


def _is_undefined(node: ast.expr, words: Words) -> TypeGuard[ast.Call]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return False
    return not (words.defines(node.func.id) or hasattr(builtins, node.func.id))


def _computed(every: list[ast.AST]) -> Counter[str]:
    """Sums, where there are fewer of that kind."""
    return Counter(type(each.op).__name__ for each in every if isinstance(each, ast.BinOp | ast.AugAssign))


def _numbers(every: list[ast.AST]) -> Counter[str]:
    given = (each.value for each in every if isinstance(each, ast.Constant))
    return Counter(
        repr(value) for value in given if isinstance(value, int | float) and not isinstance(value, bool)
    )


def _left_out(old: Trees, new: Trees) -> Iterator[str]:
    """Elements of a list, a table or a tuple that are gone, with nothing in their place."""
    before, after = _displays(old), _displays(new)
    for place, elements in (before - after).elements():
        kept = (other for where, other in after - before if where == place and len(other) < len(elements))
        for other in kept:
            if not Counter(other) - Counter(elements):
                yield f"leaves out {', '.join((Counter(elements) - Counter(other)).elements())}"[:100]


def _displays(trees_: Trees) -> Counter[tuple[str, tuple[str, ...]]]:
    placed = (each for module in trees_.values() for each in module.placed)
    return Counter(
        (place, tuple(shown(each) for each in _elements(node)))
        for place, node in placed
        if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set)
    )


def _elements(node: ast.Dict | ast.List | ast.Tuple | ast.Set) -> list[ast.expr]:
    if isinstance(node, ast.Dict):
        return [key or value for key, value in zip(node.keys, node.values, strict=True)]
    return node.elts


def _given_up(old: Trees, new: Trees) -> Iterator[str]:
    """Functions that gave something back, and give nothing any more."""
    before, after = _gives(old), _gives(new)
    for place in sorted(before.keys() & after.keys()):
        if before[place] and not after[place]:
            yield f"{place.rpartition('.')[2]}() gives nothing back"


def _gives(trees_: Trees) -> dict[str, bool]:
    """By place of a function: whether it gives anything back but None."""
    return {
        f"{place}.{node.name}": any(
            isinstance(each, ast.Yield | ast.YieldFrom)
            or (isinstance(each, ast.Return) and not (each.value is None or is_none(each.value)))
            for each in own(node.body)
        )
        for module in trees_.values()
        for place, node in module.placed
        if isinstance(node, Function)
    }
