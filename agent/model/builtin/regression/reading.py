"""Reads what a function needs of its parameters, of `self` and of what it imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from agent.model.builtin.regression.called import called, spread
from agent.model.builtin.regression.concurrent import alike
from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.source import COMPREHENSIONS, Source, index_of, text_of


@dataclass(slots=True)
class Reader:
    """One function, read once in the order of its text: `known` are its names, `patched` its imports.

    `real` are names that are called for what they are, `word` is the key that a computed one comes to,
    `environment` what is read of the process's own. `tasks` are the coroutines that it runs as tasks, by
    their code; None where such a function is not followed. `endless` says that a call ends by being
    cancelled. `nested` are the functions inside of it, `inner` the readers of those, where they are called.
    What it cannot follow has no need.
    """

    source: Source
    real: frozenset[str] = frozenset()
    known: dict[str, Need] = field(default_factory=dict)
    patched: dict[str, Need] = field(default_factory=dict)
    environment: set[str] = field(default_factory=set)
    tasks: dict[str, Need] | None = None
    endless: bool = False
    nested: dict[str, cst.FunctionDef] = field(default_factory=dict)
    inner: dict[str, Reader] = field(default_factory=dict)
    depth: int = 0
    word: str = ""

    def block(self, body: cst.CSTNode) -> None:
        """Every statement of a block."""
        for node in body.children:
            self.statement(node)

    def statement(self, node: cst.CSTNode) -> None:
        """One statement, and those inside of it."""
        if isinstance(node, cst.Assign):
            value = self.of(node.value)
            for one in node.targets:
                self.bind(one.target, value)
        elif isinstance(node, cst.AnnAssign):
            self.bind(node.target, self.of(node.value) if node.value else None)
        elif isinstance(node, cst.For):
            self.loop(node)
            self.statement(node.body)
        elif isinstance(node, cst.With):
            for item in node.items:
                self.entered(item)
            self.statement(node.body)
        elif isinstance(node, cst.FunctionDef):
            if self.source.function_of(node) is not None:
                self.nested[node.name.value] = node
        elif isinstance(node, cst.ClassDef):
            return
        elif isinstance(node, cst.Expr):
            self.told(node.value)
        elif isinstance(node, cst.AugAssign):
            self.of(node.value)
            need = self.of(node.target)
            if need is not None and isinstance(node.value, cst.Integer):
                need.code = need.code or "0"
        elif isinstance(node, cst.BaseExpression):
            self.of(node)
        else:
            self.block(node)

    def entered(self, item: cst.WithItem) -> None:
        """What a `with` opens: a mock that can be entered, where a stand-in gives it."""
        need = self.of(item.item)
        if need is not None:
            need.code = "MagicMock()"
        if item.asname is not None:
            self.bind(item.asname.name, None)

    def loop(self, node: cst.For | cst.CompFor) -> None:
        """The names of a loop are what there is one of in what it runs over."""
        over = self.of(node.iter)
        if node.asynchronous is not None and over is None:
            raise Unclear("what an async for runs over")
        table = "list" if node.asynchronous is None else "stream"
        self.bind(node.target, over.each(table) if over is not None else None)

    def bind(self, target: cst.BaseExpression, value: Need | None) -> None:
        """Give a name, or several, to a value."""
        if isinstance(target, cst.Name):
            if value is not None:
                self.known[target.value] = value
            else:
                self.known.pop(target.value, None)
        elif isinstance(target, cst.Tuple | cst.List):
            self.unpack([one.value for one in target.elements], value)
        elif isinstance(target, cst.Subscript):
            holder, index = self.of(target.value), index_of(target)
            if index is not None:
                self.of(index)
            if holder is not None:
                holder.used, holder.table = True, holder.table or "keys"
        else:
            self.of(target)

    def unpack(self, targets: Sequence[cst.BaseExpression], value: Need | None) -> None:
        """`a, b = value`."""
        if value is not None and not value.parts and not value.attributes and not value.keys:
            value.used = True
            value.parts = [Need("part", value) for _ in targets]
        parts = (
            value.parts if value is not None and len(value.parts) == len(targets) else [None] * len(targets)
        )
        for target, part in zip(targets, parts, strict=True):
            self.bind(target, part)

    def told(self, node: cst.CSTNode) -> Need | None:
        """A call whose answer nobody reads; other expressions as they are."""
        if isinstance(node, cst.Await):
            inner = node.expression
            return called(self, inner, awaited=True) if isinstance(inner, cst.Call) else self.of(inner)
        return called(self, node, awaited=False) if isinstance(node, cst.Call) else self.of(node)

    def of(self, node: cst.CSTNode) -> Need | None:
        """The need that an expression reads, None for a value of the code's own."""
        need = self.read(node)
        if need is not None and need.owner is not None and need.owner.answer is need:
            need.wanted = True
        return need

    def read(self, node: cst.CSTNode) -> Need | None:
        if isinstance(node, cst.Name):
            return self.known.get(node.value)
        if isinstance(node, cst.Attribute):
            owner = self.of(node.value)
            return owner.attribute(node.attr.value) if owner is not None else None
        if isinstance(node, cst.Subscript):
            return self.subscript(node)
        if isinstance(node, cst.Call):
            return called(self, node, awaited=False)
        if isinstance(node, cst.Await):
            return self.told(node)
        if isinstance(node, COMPREHENSIONS):
            return self.comprehension(node)
        return self.compound(node)

    def compound(self, node: cst.CSTNode) -> Need | None:
        """Expressions that are made of others."""
        if isinstance(node, cst.BooleanOperation):
            left, right = self.of(node.left), self.of(node.right)
            return left if left is not None else right
        if isinstance(node, cst.IfExp):
            self.of(node.test)
            body, other = self.of(node.body), self.of(node.orelse)
            return body if body is not None else other
        if isinstance(node, cst.NamedExpr):
            value = self.of(node.value)
            self.bind(node.target, value)
            return value
        if isinstance(node, cst.Tuple):
            parts = [self.of(one.value) for one in node.elements]
            return Need("tuple", parts=[one or Need() for one in parts]) if any(parts) else None
        if isinstance(node, cst.List) and self.tasks is not None:
            return alike([self.of(one.value) for one in node.elements])
        if isinstance(node, cst.StarredElement | cst.StarredDictElement):
            spread(self.of(node.value), keyed=isinstance(node, cst.StarredDictElement))
        elif isinstance(node, cst.Comparison):
            self.compared(node)
        elif not isinstance(node, cst.Lambda):
            for one in node.children:
                self.of(one)
        return None

    def compared(self, node: cst.Comparison) -> None:
        left = self.of(node.left)
        for one in node.comparisons:
            right = self.of(one.comparator)
            if isinstance(one.operator, cst.In | cst.NotIn) and right is not None:
                right.table = right.table or "keys"
            elif left is not None and text_of(one.comparator) is not None and not left.used:
                left.text = True

    def comprehension(self, node: cst.BaseComp) -> Need | None:
        """What it gives is computed from what it runs over."""
        first: Need | None = None
        loop: cst.CompFor | None = node.for_in
        while loop is not None:
            over = self.of(loop.iter)
            first = first if first is not None else over
            self.bind(loop.target, over.each() if over is not None else None)
            for one in loop.ifs:
                self.of(one.test)
            loop = loop.inner_for_in
        if isinstance(node, cst.DictComp):
            self.of(node.key)
            self.of(node.value)
            return Need("made", source=first) if first is not None else None
        item = self.of(node.elt) if isinstance(node, cst.BaseSimpleComp) else None
        return Need("made", source=first, item=item or Need("each")) if first is not None else None

    def subscript(self, node: cst.Subscript) -> Need | None:
        owner, index = self.of(node.value), index_of(node)
        if owner is None:
            if self.source.code(node.value) == "os.environ" and index is not None:
                self.environment |= {text_of(index) or ""} - {""}
            return None
        if index is None:
            owner.text = owner.text or not owner.used
            return owner
        key = text_of(index)
        if key is not None:
            return owner.key(key)
        if isinstance(index, cst.Integer | cst.UnaryOperation):
            return self.numbered(owner, index)
        name = self.of(index)
        if self.word:
            return owner.key(self.word)
        if name is not None and (held := _held(owner, name)) is not None:
            return held
        if name is None or name.used:
            raise Unclear("a key that is computed")
        name.text = True
        return owner.key("x")

    def numbered(self, owner: Need, index: cst.BaseExpression) -> Need:
        number = int(index.value) if isinstance(index, cst.Integer) and index.value.isdigit() else -1
        if 0 <= number < len(owner.parts):
            return owner.parts[number]
        return owner.each()


def _held(owner: Need, name: Need) -> Need | None:
    """What a table holds under the name that a loop over it has; None where the name is another."""
    if name is owner.item and owner.table in ("keys", "list"):
        name.text, owner.table = True, "items"
        owner.item = Need("each", owner, parts=[name, Need("held", owner)])
        name.owner = owner.item
    item = owner.item
    return item.parts[1] if item is not None and len(item.parts) == 2 and item.parts[0] is name else None


def parameters(function: cst.FunctionDef) -> Mapping[str, bool]:
    """The parameters that a call names, and whether each may be left out; stars are left out."""
    named = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
    return {one.name.value: one.default is not None for one in named}
