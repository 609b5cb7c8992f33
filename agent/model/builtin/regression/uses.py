"""How a function uses what it is given: read statement by statement, from its syntax alone."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.model.builtin.regression.shapes import KNOWN, Gone, Shape, Unclear

Function = ast.FunctionDef | ast.AsyncFunctionDef

DEEPEST = 4
_NUMBERS = frozenset({"abs", "float", "int", "round"})
_THROUGH = frozenset({"enumerate", "frozenset", "list", "reversed", "set", "sorted", "tuple"})
_OVER = frozenset({"all", "any", "max", "min", "sum"})
_TEXTS = frozenset(
    {"encode", "endswith", "find", "lower", "partition", "replace"}
    | {"split", "splitlines", "startswith", "strip", "title", "upper"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What is missing where it crashed: an expression as it is written, on a line, and how it is missing."""

    line: int
    subject: str = ""
    gone: Gone = ""


@dataclass(slots=True)
class Uses:
    """Reads functions of one file. `own` are the functions of the class whose method is read, by name."""

    functions: Mapping[str, Function]
    own: Mapping[str, Function]
    place: Place
    names: dict[str, Shape] = field(default_factory=dict)
    depth: int = 0

    def read(self, function: Function, given: Mapping[str, Shape]) -> Shape:
        """Use up what a function is given; what it gives back.

        Raises:
            Unclear: it does what no example can be read from.
        """
        if self.depth >= DEEPEST:
            return KNOWN
        inner = Uses(self.functions, self.own, self.place, dict(given), self.depth + 1)
        inner.block(function.body)
        return inner.names.get("return", KNOWN)

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Read statements, one after the other; what else there is in them is passed by."""
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                shape = self.value(value)
                for target in targets:
                    self.bind(target, shape, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.bind(target, self.value(value), value)
            case ast.AugAssign(target=target, value=value):
                self.value(value)
                self.value(target).be("number")
            case ast.Return(value=ast.expr() as value):
                self.names["return"] = self.value(value)
            case (
                ast.For(target=target, iter=source, body=body)
                | ast.AsyncFor(target=target, iter=source, body=body)
            ):
                self.bind(target, self.each(source), source)
                self.block(body)
            case ast.If(test=test, body=body, orelse=orelse):
                self.condition(test, self.holds_place(body))
                self.block(body)
                self.block(orelse)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                self.tried(body, handlers)
                self.block([*orelse, *final])
            case ast.With() | ast.AsyncWith() | ast.While() | ast.Match():
                raise Unclear(type(node).__name__)
            case ast.Expr(value=value):
                self.value(value)

    def tried(self, body: Sequence[ast.stmt], handlers: Sequence[ast.ExceptHandler]) -> None:
        """Where it crashed in a handler, what was read before must fail: a text that is no JSON."""
        self.block(body)
        for handler in handlers:
            inside = self.holds_place(handler.body)
            for node in (n for s in body for n in ast.walk(s)) if inside else ():
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.loads":
                    text = self.value(node.args[0])
                    text.literal = "" if text is KNOWN else '"{"'
            if handler.name:
                self.names[handler.name] = KNOWN
            if inside:
                self.block(handler.body)

    def holds_place(self, body: Sequence[ast.stmt]) -> bool:
        return any(each.lineno <= self.place.line <= (each.end_lineno or each.lineno) for each in body)

    def condition(self, test: ast.expr, must_hold: bool) -> None:
        """What is compared with a constant is that where the way to the crash leads through."""
        match test:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant() as constant]) if (
                must_hold
            ):
                if (shape := self.value(left)) is not KNOWN:
                    shape.literal = repr(constant.value)
            case ast.BoolOp(op=ast.And(), values=values):
                for each in values:
                    self.condition(each, must_hold)
            case _:
                self.value(test)

    def bind(self, target: ast.expr, shape: Shape, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.names[name] = shape
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                values = (
                    value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(elements) else None
                )
                pairs = shape.literal == "pairs"
                for at, each in enumerate(elements):
                    if values is not None:
                        self.bind(each, self.value(values[at]), values[at])
                    elif pairs:
                        self.bind(each, shape.parts[str(at)], value)
                    else:
                        self.bind(each, KNOWN, value)
            case ast.Attribute(value=owner, attr=name):
                self.value(owner).be("thing").parts.setdefault(name, Shape())
            case ast.Subscript(value=owner):
                self.value(owner).be("table")

    def value(self, node: ast.expr, *, awaited: bool = False) -> Shape:
        """What an expression stands for."""
        shape = self._value(node, awaited)
        here = node.lineno <= self.place.line <= (node.end_lineno or node.lineno)
        if here and self.place.subject and ast.unparse(node) == self.place.subject and shape is not KNOWN:
            shape.gone = self.place.gone
        return shape

    def _value(self, node: ast.expr, awaited: bool) -> Shape:
        match node:
            case ast.Await(value=value):
                return self.value(value, awaited=True)
            case ast.Name(id=name):
                return self.names.get(name, KNOWN)
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self.value(owner), name)
            case ast.Subscript(value=owner, slice=ast.Constant(value=str(key))):
                return self.value(owner).part("table", key)
            case ast.Subscript(value=owner, slice=ast.Constant(value=int()) | ast.UnaryOp()):
                return self.value(owner).held("list")
            case ast.Subscript(value=owner, slice=ast.Slice()):
                return self.value(owner)
            case ast.Subscript(value=owner, slice=key):
                self.value(key)
                return self.value(owner).held("table")
            case ast.Call():
                return self._call(node, awaited)
            case ast.BinOp(left=left, op=op, right=right):
                return self._computed(left, op, right)
            case ast.BoolOp(values=values):
                first, *_ = [self.value(each) for each in values]
                return first
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.condition(test, False)
                shapes = [self.value(body), self.value(orelse)]
                return next((each for each in shapes if each is not KNOWN), KNOWN)
            case ast.Compare(left=left, comparators=others):
                self._compared([left, *others])
            case (
                ast.ListComp(elt=element, generators=loops)
                | ast.SetComp(elt=element, generators=loops)
                | (ast.GeneratorExp(elt=element, generators=loops))
            ):
                self._loops(loops)
                return Shape("list", item=self.value(element))
            case ast.DictComp(key=key, value=value, generators=loops):
                self._loops(loops)
                self.value(key)
                return Shape("table", item=self.value(value))
            case ast.Lambda():
                return KNOWN
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child)
        return KNOWN

    def _loops(self, loops: Sequence[ast.comprehension]) -> None:
        for loop in loops:
            self.bind(loop.target, self.each(loop.iter), loop.iter)
            for test in loop.ifs:
                self.condition(test, False)

    def _attribute(self, owner: Shape, name: str) -> Shape:
        """A property of its own is read on; anything else is an attribute."""
        method = self.own.get(name)
        if owner is self.names.get("self") and method is not None and owner is not KNOWN:
            return self.read(method, {"self": owner}) if method.decorator_list else KNOWN
        return owner.part("thing", name)

    def each(self, source: ast.expr) -> Shape:
        """What a loop over an expression is given each time; pairs have both in `parts`."""
        match source:
            case ast.Call(func=ast.Attribute(value=owner, attr="items")):
                held = self.value(owner).held("table")
                return Shape(literal="pairs", parts={"0": Shape("text"), "1": held})
            case ast.Call(func=ast.Attribute(value=owner, attr="values")):
                return self.value(owner).held("table")
            case ast.Call(func=ast.Attribute(value=owner, attr="keys")):
                self.value(owner).be("table")
                return Shape("text")
            case ast.Call(func=ast.Name(id="enumerate"), args=[first, *_]):
                return Shape(literal="pairs", parts={"0": KNOWN, "1": self.each(first)})
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _THROUGH:
                self._keyed(source, self.each(first))
                return self.each(first)
        shape = self.value(source)
        if shape.kind == "table":
            return Shape("text")
        return shape if shape is KNOWN else shape.held("list")

    def _keyed(self, call: ast.Call, item: Shape) -> None:
        """`key=lambda row: row["ts"]` reads what it is given."""
        for word in call.keywords:
            if word.arg == "key" and isinstance(word.value, ast.Lambda) and word.value.args.args:
                self.names[word.value.args.args[0].arg] = item
                self.value(word.value.body)

    def _call(self, node: ast.Call, awaited: bool) -> Shape:
        given = node.args
        match node.func:
            case ast.Name(id="isinstance" | "len" | "print" | "str" | "repr" | "bool"):
                for each in given[:1]:
                    self.value(each)
                return Shape("number") if ast.unparse(node.func) == "len" else KNOWN
            case ast.Name(id=name) if name in _NUMBERS and given:
                return self.value(given[0]).be("number")
            case ast.Name(id=name) if name in _OVER | _THROUGH and len(given) == 1:
                item = self.each(given[0])
                self._keyed(node, item)
                return Shape("list", item=item) if name in _THROUGH else item
            case ast.Name(id=name) if name in _OVER:
                for each in given:
                    self.value(each).be("number")
                return Shape("number")
            case ast.Name(id=name) if name in self.functions:
                return self._inlined(self.functions[name], given, {})
            case ast.Attribute(value=ast.Name(id="json"), attr="loads") if given:
                return self.value(given[0]).held("json")
            case ast.Attribute(value=ast.Name(id="self") as me, attr=name) if name in self.own:
                return self._inlined(self.own[name], given, {"self": self.value(me)})
            case ast.Attribute(value=owner, attr="get") if given and not awaited:
                return self._got(self.value(owner), given)
            case ast.Attribute(value=owner, attr=name):
                return self._method(self.value(owner), name, node, awaited)
        if isinstance(node.func, ast.Name) and self.names.get(node.func.id, KNOWN) is not KNOWN:
            raise Unclear(f"{node.func.id}() is given")
        for each in (*given, *(word.value for word in node.keywords)):
            self.value(each)
        return KNOWN

    def _got(self, owner: Shape, given: Sequence[ast.expr]) -> Shape:
        if isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
            return owner.part("table", given[0].value)
        self.value(given[0])
        return owner.held("table")

    def _method(self, owner: Shape, name: str, node: ast.Call, awaited: bool) -> Shape:
        for each in (*node.args, *(word.value for word in node.keywords)):
            self.value(each)
        if owner is KNOWN:
            return KNOWN
        if owner.kind in ("text", "unknown") and name in _TEXTS:
            return owner.be("text")
        if owner.kind in ("list", "table", "number", "json"):
            return KNOWN
        return owner.called(name, awaited=awaited)

    def _inlined(self, function: Function, given: Sequence[ast.expr], bound: dict[str, Shape]) -> Shape:
        """A function of the same file is read as well, with what it is given."""
        names = [each.arg for each in function.args.args if each.arg not in bound]
        shapes = [self.value(each) for each in given if not isinstance(each, ast.Starred)]
        return self.read(function, {**bound, **dict(zip(names, shapes, strict=False))})

    def _computed(self, left: ast.expr, op: ast.operator, right: ast.expr) -> Shape:
        texts = [
            each for each in (left, right) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        sides = [self.value(left), self.value(right)]
        kinds = {each.kind for each in sides}
        if texts or (isinstance(op, ast.Add | ast.Mod) and kinds & {"text", "list", "known"}):
            return KNOWN
        for each in sides:
            each.be("number")
        return KNOWN if kinds == {"known"} else Shape("number")

    def _compared(self, sides: Sequence[ast.expr]) -> None:
        shapes = [self.value(each) for each in sides]
        for side in sides:
            if isinstance(side, ast.Constant) and isinstance(side.value, int | float):
                for shape in shapes:
                    if shape.kind == "unknown" and not isinstance(side.value, bool):
                        shape.be("number")
