"""Python source as libcst reads it: where its nodes are, and the text with some of them replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

Node = TypeVar("Node", bound=cst.CSTNode)
Function = cst.FunctionDef
NewNode = cst.CSTNode | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel
Change = Callable[[cst.CSTNode], NewNode]
"""What becomes of a node; given the node with the changes inside of it made."""

LOOPS = (cst.For, cst.While)
COMPREHENSIONS = (cst.GeneratorExp, cst.ListComp, cst.SetComp, cst.DictComp)


class Unreadable(Exception):
    """The text is no Python that libcst can read."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its text, its tree, and where each node is."""

    text: str
    module: cst.Module
    places: Mapping[cst.CSTNode, CodeRange]
    parents: Mapping[cst.CSTNode, cst.CSTNode]

    def nodes(self, kind: type[Node], within: cst.CSTNode | None = None) -> Iterator[Node]:
        """Every node of a kind, in the order of the text."""
        return (node for node in self.every(within) if isinstance(node, kind))

    def every(self, within: cst.CSTNode | None = None) -> Iterator[cst.CSTNode]:
        """Every node, in the order of the text."""
        waiting: list[cst.CSTNode] = [within or self.module]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)

    def code(self, node: cst.CSTNode) -> str:
        """A node as it is written."""
        return self.module.code_for_node(node).strip()

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """What a node stands in, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def first(self, node: cst.CSTNode, *kinds: type[cst.CSTNode]) -> cst.CSTNode | None:
        """The innermost thing of these kinds that a node stands in."""
        return next((one for one in self.above(node) if isinstance(one, kinds)), None)

    def function_of(self, node: cst.CSTNode) -> Function | None:
        """The function whose body a node is in."""
        found = self.first(node, cst.FunctionDef)
        return found if isinstance(found, cst.FunctionDef) else None

    def statement_of(self, node: cst.CSTNode) -> cst.SimpleStatementLine | cst.BaseCompoundStatement | None:
        """The statement that a node is in, or is."""
        for one in (node, *self.above(node)):
            if isinstance(one, cst.SimpleStatementLine | cst.BaseCompoundStatement):
                return one
        return None

    def line(self, node: cst.CSTNode) -> int:
        """The first line of a node, 1-based."""
        return self.places[node].start.line

    def spanned(self, node: cst.CSTNode, line: int) -> bool:
        """Whether a node is on a line, whole or in part."""
        place = self.places.get(node)
        return place is not None and place.start.line <= line <= place.end.line

    def written(self, line: int) -> str:
        """One line of the text."""
        lines = self.text.splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def changed(self, changes: Mapping[cst.CSTNode, Change]) -> str:
        """The text with nodes replaced."""
        made = self.module.visit(_Swap(changes))
        return made.code


class _Swap(cst.CSTTransformer):
    def __init__(self, changes: Mapping[cst.CSTNode, Change]) -> None:
        super().__init__()
        self.changes = changes

    def on_leave(  # type: ignore[override]
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> NewNode:
        change = self.changes.get(original_node)
        return change(updated_node) if change else updated_node


@lru_cache(maxsize=64)
def parse(text: str) -> Source:
    """Read a file.

    Raises:
        Unreadable: it does not parse.
    """
    try:
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        places = wrapper.resolve(PositionProvider)
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise Unreadable(f"it does not parse: {error}") from error
    parents = wrapper.resolve(ParentNodeProvider)
    return Source(text, wrapper.module, places, parents)


def expression(code: str) -> Change:
    """A change to another expression; over several lines it is put in brackets."""
    bracketed = f"({code})" if "\n" in code and not code.startswith("(") else code
    return lambda _: cst.parse_expression(bracketed)


def before(code: str) -> Change:
    """A change that puts statements before a statement; its comments stay above all of it."""
    added = cst.parse_module(code).body

    def change(node: cst.CSTNode) -> NewNode:
        assert isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement)
        lines = node.leading_lines
        first, *rest = added
        return cst.FlattenSentinel(
            [first.with_changes(leading_lines=lines), *rest, node.with_changes(leading_lines=())]
        )

    return change


def after(code: str) -> Change:
    """A change that puts statements after a statement."""
    added = cst.parse_module(code).body

    def change(node: cst.CSTNode) -> NewNode:
        assert isinstance(node, cst.BaseStatement)
        return cst.FlattenSentinel([node, *added])

    return change


def name_of(node: cst.CSTNode | None) -> str:
    """The last name of a callee or a dotted expression, empty where it has none."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def text_of(node: cst.CSTNode | None) -> str | None:
    """What a plain text literal says."""
    if not isinstance(node, cst.SimpleString):
        return None
    value = node.evaluated_value
    return value if isinstance(value, str) else None


def index_of(node: cst.Subscript) -> cst.BaseExpression | None:
    """The one index of a subscript; None for slices and several."""
    if len(node.slice) != 1:
        return None
    index = node.slice[0].slice
    return index.value if isinstance(index, cst.Index) else None


def arguments(call: cst.Call) -> list[cst.BaseExpression]:
    """The plain positional arguments of a call."""
    return [one.value for one in call.args if one.keyword is None and not one.star]
