"""Statements of the base that stand elsewhere: in another block, or in another order."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

from agent.proof.labels.sources import Function, Trees, shown

Way = tuple[str, ...]
"""The kinds of the blocks that a statement stands in, outermost first, behind the name of its function."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def moved(old: Trees, new: Trees) -> Iterator[str]:
    """Statements that both sides have, and that do not stand in the same blocks or order on both."""
    before, after = _statements(old), _statements(new)
    ways, others = _ways(before), _ways(after)
    for dump, (told, each) in ways.items():
        found = others.get(dump)
        if found is not None and each - found[1]:
            yield f"`{told}` stands elsewhere"
    for way in sorted(before.keys() & after.keys()):
        common = Counter(dump for dump, _ in before[way]) & Counter(dump for dump, _ in after[way])
        first, second = (
            [dump for dump, _ in side[way] if dump in common and common[dump] == 1]
            for side in (before, after)
        )
        if first != second and sorted(first) == sorted(second):
            yield f"`{dict(before[way])[_out_of_order(first, second)]}` stands elsewhere"


def _out_of_order(first: list[str], second: list[str]) -> str:
    matching = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    return next(first[start] for kind, start, end, _, _ in matching if kind != "equal" and end > start)


def _ways(placed: dict[Way, list[tuple[str, str]]]) -> dict[str, tuple[str, Counter[Way]]]:
    """By statement: how it is told, and in which blocks it stands how often."""
    found: dict[str, tuple[str, Counter[Way]]] = {}
    for way, statements in placed.items():
        for dump, told in statements:
            found.setdefault(dump, (told, Counter()))[1][way] += 1
    return found


def _statements(trees: Trees) -> dict[Way, list[tuple[str, str]]]:
    """Plain statements of functions, by the blocks that they stand in."""
    found: dict[Way, list[tuple[str, str]]] = {}
    for module in trees.values():
        for place, node in module.placed:
            if isinstance(node, Function):
                for way, statement in _within((f"{place}.{node.name}",), node.body):
                    found.setdefault(way, []).append((ast.dump(statement), shown(statement)))
    return found


def _within(way: Way, block: list[ast.stmt]) -> Iterator[tuple[Way, ast.stmt]]:
    for statement in block:
        inner = [(name, getattr(statement, name)) for name in _BLOCKS if getattr(statement, name, None)]
        if isinstance(statement, Function | ast.ClassDef):
            continue
        if not inner and not isinstance(statement, ast.Return | ast.Continue | ast.Break | ast.Pass):
            yield way, statement
        for name, part in inner:
            deeper = (*way, f"{type(statement).__name__}.{name}")
            for each in part:
                yield from _within(
                    deeper, each.body if hasattr(each, "body") and not isinstance(each, ast.stmt) else [each]
                )
