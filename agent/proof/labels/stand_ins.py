"""Made-up values in the place of data that the base read plainly: a constant, whatever it is written as.

None is no made-up value, it says that there is none. What is not a constant and stands in for data that
the base read is told as well, as something to look at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proof.labels.matched import Find, fresh
from agent.proof.labels.plain.conditions import tells
from agent.proof.labels.sources import Function, Module, Trees, nodes, own

_GETTERS = frozenset({"get", "pop", "setdefault", "getenv"})
_CHOOSERS = frozenset({"max", "min"})
_READ = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_FIELDS = frozenset({"field", "Field"})


def stand_ins(old: Trees, new: Trees) -> list[Find]:
    """The values that stand in the place of data now, and did not on the base."""
    before, after = (
        [each for module in trees.values() for each in _Reader(module).found()] for trees in (old, new)
    )
    return fresh(before, [*after, *_settled(old, new)])


def others_instead(old: Trees, new: Trees) -> list[Find]:
    """Other data that stands in for data which the base read, and did not on the base."""
    before, after = (
        [each for module in trees.values() for each in _Reader(module).others()] for trees in (old, new)
    )
    found = fresh(before, after)
    read = {ast.unparse(node) for node in nodes(old) if isinstance(node, _READ)} if found else set()
    return [find for find in found if find.about in read]


class _Reader:
    """Reads what stands in for what in one module."""

    def __init__(self, module: Module) -> None:
        self.placed = module.placed
        self.constants = module.constants
        self.asked = set(_asked(module))

    def found(self) -> Iterator[Find]:
        """Every made-up value with what it stands in for."""
        for place, node in self.placed:
            for instead, data in self._instead(node):
                yield _find(place, instead, data, node)

    def others(self) -> Iterator[Find]:
        """Every `x or y` whose last part is no constant."""
        for place, node in self.placed:
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and id(node) not in self.asked:
                last = node.values[-1]
                if not self.constants.is_fixed(last) and not _is_truth(last):
                    yield _find(place, last, node.values[0], node)

    def _instead(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Made-up values and what they stand in for, of one node."""
        match node:
            case ast.BoolOp(op=ast.Or(), values=[first, *rest]) if id(node) not in self.asked:
                made_up = [each for each in (first, *rest) if self._is_made_up(_outcome(each))]
                yield from ((each, first) for each in made_up[:1])
            case ast.IfExp(body=body, orelse=orelse):
                if self._is_made_up(body) != self._is_made_up(orelse):
                    yield (body, orelse) if self._is_made_up(body) else (orelse, body)
            case ast.Call():
                yield from ((each, node.func) for each in self._given(node) if self._is_made_up(each))
            case ast.Dict(keys=keys, values=values) if None in keys:
                at = keys.index(None)
                first_merged = self._is_made_up(values[at]) and not isinstance(values[at], ast.Constant)
                if (at > 0 and any(map(self._is_made_up, values[:at]))) or (first_merged and len(keys) > 1):
                    yield node, values[-1]
            case ast.BinOp(left=left, op=ast.BitOr(), right=right) if self._is_mapping(left):
                yield left, right
            case ast.Subscript(value=ast.Tuple(elts=elements) | ast.List(elts=elements), slice=at):
                if _is_truth(at) or (isinstance(at, ast.Call) and not self.constants.is_fixed(at)):
                    yield from ((each, at) for each in elements if self._is_made_up(each))
            case ast.If(test=test, body=body, orelse=orelse):
                yield from ((each, test) for each in self._guarding(test, body, orelse))
            case ast.Match(subject=subject, cases=cases):
                blocks = [case.body for case in cases if _is_for_the_rest(case.pattern)]
                yield from ((each, subject) for block in blocks for each in self._values_of(block))

    def _is_made_up(self, node: ast.expr | None) -> bool:
        return self.constants.is_stand_in(node)

    def _is_mapping(self, node: ast.expr) -> bool:
        value = self.constants.value_of(node.id) if isinstance(node, ast.Name) else node
        is_made = isinstance(value, ast.Dict) or (
            isinstance(value, ast.Call) and ast.unparse(value.func).startswith("dict")
        )
        return is_made and self._is_made_up(node)

    def _given(self, call: ast.Call) -> list[ast.expr]:
        """The arguments of a call that stand in where there is no data."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        named = [word.value for word in call.keywords if word.arg == "default" and name not in _FIELDS]
        two, three = call.args[1:2], call.args[2:3]
        if name in _GETTERS or name == "next":
            return [*two, *named]
        if name == "getattr":
            return three
        if name in _CHOOSERS and len(call.args) > 1 and not self.constants.is_fixed(call):
            return [*call.args, *named]
        if name == "defaultdict":
            lone = isinstance(call.args[0], ast.Lambda) if call.args else False
            return call.args[:1] if lone else [ast.Constant("")] * bool(two or call.keywords)
        if name == "ChainMap":
            return call.args[1:]
        if name == "dict" and any(word.arg is None for word in call.keywords):
            merged = [word.value for word in call.keywords if word.arg is not None]
            return [*call.args[:1], *merged, *(word.value for word in call.keywords[:-1] if word.arg is None)]
        if name == "update" and isinstance(call.func, ast.Attribute) and self._is_mapping(call.func.value):
            return [call.func.value]
        return named

    def _guarding(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> Iterator[ast.expr]:
        """What an `if` that asks for missing data puts in its place."""
        is_missing = _asks_for_missing(test)
        for block in (body if is_missing else [], orelse if is_missing is False else []):
            values = [each for each in self._values_of(block) if not _is_truth(each)]
            yield from values if len([each for each in block if not tells(each)]) <= 2 else []

    def _values_of(self, block: list[ast.stmt]) -> Iterator[ast.expr]:
        for node in block:
            match node:
                case ast.Return(value=value) | ast.Assign(value=value) | ast.AnnAssign(value=value):
                    yield from [value] if value is not None and self._is_made_up(value) else []


def _settled(old: Trees, new: Trees) -> Iterator[Find]:
    """Functions, arguments and fields that are what they are whatever comes in, and were not on the base."""
    before = {place: (m.constants, given) for m in old.values() for place, given in _definitions(m)}
    for module in new.values():
        constants = module.constants
        for place, given in _definitions(module):
            was, defined = before.get(place, (constants, {}))
            for name, value in given.items():
                had = defined.get(name, [])
                plain = [
                    each for each in had if (name != "return" if each is None else not was.is_fixed(each))
                ]
                if plain and value and all(constants.is_stand_in(each) for each in value):
                    yield Find(
                        f"{place}.{name}", name, name, f"{name} is {value[0] and ast.unparse(value[0])}"
                    )


def _definitions(module: Module) -> Iterator[tuple[str, dict[str, list[ast.expr | None]]]]:
    """By place: what a function returns, what its arguments and a class's fields are without being given."""
    for place, node in module.placed:
        if isinstance(node, Function):
            returned = [each.value for each in own(node.body) if isinstance(each, ast.Return)]
            yield f"{place}.{node.name}", {"return": returned, **_arguments(node)}
        elif isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            yield f"{place}.{node.name}", {ast.unparse(e.target): [_default_of(e.value)] for e in fields}


def _arguments(node: Function) -> dict[str, list[ast.expr | None]]:
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    values = [*[None] * (len(plain) - len(given.defaults)), *given.defaults, *given.kw_defaults]
    return {each.arg: [value] for each, value in zip([*plain, *given.kwonlyargs], values, strict=True)}


def _default_of(value: ast.expr | None) -> ast.expr | None:
    """A field's value, also where it is given as `field(default=...)`."""
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in _FIELDS:
        return next((word.value for word in value.keywords if word.arg == "default"), None)
    return value


def _find(place: str, instead: ast.AST, data: ast.AST, whole: ast.AST) -> Find:
    shown = ast.unparse(instead)[:80] if isinstance(instead, ast.expr) else ""
    return Find(
        place, ast.dump(instead), ast.unparse(data)[:1000], f"{ast.dump(instead)} {ast.dump(whole)}", shown
    )


def _outcome(node: ast.expr) -> ast.expr:
    """`x is None and 1.0`: what it comes to where it holds."""
    return node.values[-1] if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) else node


def _is_truth(node: ast.expr) -> bool:
    """Whether an expression is true or false and no data."""
    if isinstance(node, ast.BoolOp):
        return all(map(_is_truth, node.values))
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    named = isinstance(node, ast.Call) and ast.unparse(node.func) in ("bool", "isinstance", "any", "all")
    constant = isinstance(node, ast.Constant) and isinstance(node.value, bool)
    return negated or named or constant or isinstance(node, ast.Compare)


def _asked(module: Module) -> Iterator[int]:
    """Ids of the expressions that are only asked whether they hold."""
    waiting: list[ast.AST] = []
    for _place, node in module.placed:
        waiting += [getattr(node, "test", None) or node] if hasattr(node, "test") else []
        waiting += node.ifs if isinstance(node, ast.comprehension) else []
        waiting += [node.operand] if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else []
    while waiting:
        node = waiting.pop()
        yield id(node)
        if isinstance(node, ast.BoolOp):
            waiting += node.values


def _asks_for_missing(test: ast.expr) -> bool | None:
    """Whether a condition holds where data is missing (True) or where it is there (False)."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            there = _asks_for_missing(operand)
            return None if there is None else not there
        case ast.Compare(ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=None | 0 | "")]):
            return True
        case ast.Compare(ops=[ast.IsNot() | ast.NotEq()], comparators=[ast.Constant(value=None | 0 | "")]):
            return False
        case ast.Compare(ops=[ast.NotIn()]):
            return True
        case ast.Compare(ops=[ast.In()]) | ast.Name() | ast.Attribute() | ast.Subscript():
            return False
        case ast.Call(func=ast.Name(id="isinstance" | "hasattr" | "bool" | "len")):
            return False
        case ast.Call(func=ast.Attribute(attr="get")):
            return False
        case ast.BoolOp(values=values):
            asked = {_asks_for_missing(each) for each in values}
            return True if True in asked else None
    return None


def _is_for_the_rest(pattern: ast.pattern) -> bool:
    """Whether a pattern takes None, or whatever is left."""
    if isinstance(pattern, ast.MatchOr):
        return any(map(_is_for_the_rest, pattern.patterns))
    return isinstance(pattern, ast.MatchAs | ast.MatchSingleton) and getattr(pattern, "pattern", None) is None
