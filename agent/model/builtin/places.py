"""Which nodes of a line may have raised, and which of them can be evaluated once more."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.incident import Spot
from agent.model.builtin.source import Source, arguments, index_of, name_of


def nodes_at(source: Source, spot: Spot) -> list[cst.CSTNode]:
    """The nodes of a line that may have raised: the marked one first, inner ones before outer ones."""
    on_line = [node for node in source.every() if source.spanned(node, spot.line)]
    inner = [
        node
        for node in on_line
        if not isinstance(node, cst.Module | cst.BaseSuite | cst.BaseCompoundStatement)
    ]
    heads = [node for node in on_line if isinstance(node, cst.For) and source.line(node) == spot.line]
    if spot.marks is None:
        return [
            *reversed([node for node in inner if source.line(node) == spot.line]),
            *reversed(inner),
            *heads,
        ]
    indent = len(source.written(spot.line)) - len(source.written(spot.line).lstrip())
    first, last = spot.marks[0] + indent, spot.marks[1] + indent
    exact = [node for node in inner if _columns(source, node) == (first, last)]
    within = [node for node in inner if _inside(source, node, spot.line, first, last)]
    return [*exact, *reversed(within), *heads]


def _columns(source: Source, node: cst.CSTNode) -> tuple[int, int] | None:
    place = source.places[node]
    return (place.start.column, place.end.column) if place.start.line == place.end.line else None


def _inside(source: Source, node: cst.CSTNode, line: int, first: int, last: int) -> bool:
    place = source.places[node]
    return (
        place.start.line == place.end.line == line and first <= place.start.column <= place.end.column <= last
    )


def repeatable(node: cst.CSTNode) -> bool:
    """Whether an expression can be evaluated once more: names, attributes, reads of a key, len()."""
    if isinstance(node, cst.Name | cst.SimpleString | cst.Integer | cst.Float):
        return True
    if isinstance(node, cst.Attribute):
        return repeatable(node.value)
    if isinstance(node, cst.Subscript):
        index = index_of(node)
        return index is not None and repeatable(node.value) and repeatable(index)
    if isinstance(node, cst.UnaryOperation):
        return repeatable(node.expression)
    if isinstance(node, cst.Call):
        pure = name_of(node.func) in ("get", "len")
        return (
            pure
            and all(map(repeatable, arguments(node)))
            and (
                isinstance(node.func, cst.Name)
                or (isinstance(node.func, cst.Attribute) and repeatable(node.func.value))
            )
        )
    return False
