"""Statements and expressions which no plain repair needs, and what is taken from elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from agent.proof.labels.constants import Constants, last_name
from agent.proof.labels.plain.conditions import Find
from agent.proof.labels.sources import Function, Module, shown

_KINDS: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda",
    ast.Yield: "a yield",
    ast.YieldFrom: "a yield",
    ast.With: "a with",
    ast.AsyncWith: "a with",
    ast.Try: "a try",
    ast.TryStar: "a try",
    ast.Global: "a global",
    ast.Nonlocal: "a nonlocal",
    ast.Delete: "a del",
    ast.NamedExpr: "an assignment within an expression",
    ast.Match: "a match",
    ast.While: "a while",
    ast.Break: "a break",
    ast.Slice: "a part of a list",
}
_LITERALS = (ast.Tuple, ast.List, ast.Dict, ast.Set)
_DISPLAYS = (*_LITERALS, ast.ListComp, ast.DictComp, ast.SetComp)
_AT_ONCE = frozenset(
    {"all", "any", "dict", "frozenset", "join", "list", "max", "min", "set", "sorted", "sum", "tuple"}
)  # fmt: skip
_WAITING = frozenset({"acquire", "sleep", "wait"})
_EVERYDAY = _AT_ONCE | {"get", "isinstance", "issubclass", "join", "gather", "wait_for", "run", "field"}
REACHING = frozenset(
    {"__import__", "breakpoint", "classmethod", "compile", "delattr", "dir", "eval", "exec", "filter"}
    | {"getattr", "globals", "hasattr", "id", "input", "iter", "locals", "map", "memoryview", "next"}
    | {"object", "open", "property", "setattr", "slice", "staticmethod", "super", "type", "vars"}
)  # fmt: skip


def constructs(module: Module) -> Iterator[Find]:
    """Everything of the kind; moved to another place it is no other find."""
    at_once = {id(each) for _, node in module.placed for each in _eaten(node)}
    functions = {f"{place}.{node.name}" for place, node in module.placed if isinstance(node, Function)}
    for place, node in module.placed:
        if type(node) in _KINDS:
            yield _KINDS[type(node)], ast.dump(_head(node))
        if isinstance(node, ast.GeneratorExp) and id(node) not in at_once:
            yield "a generator", ast.dump(node)
        if isinstance(node, ast.Try | ast.TryStar) and node.handlers:
            within = (each for part in node.body for each in ast.walk(part) if isinstance(each, ast.stmt))
            yield from ((f"`{shown(each)}` within a try", ast.dump(each)) for each in within)
        if isinstance(node, ast.ClassDef):
            yield f"the class {node.name}", ast.dump(_head(node))
            yield from ((f"a decorator of {node.name}", ast.dump(each)) for each in node.decorator_list)
        if isinstance(node, Function):
            yield from _of_function(node, place in functions)
        yield from _unreached(place, node)
        yield from _of_expression(node, module.constants)


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, nested: bool) -> Iterator[Find]:
    yield from ((f"a decorator of {node.name}", node.name + ast.dump(each)) for each in node.decorator_list)
    if nested:
        yield f"{node.name}() within a function", node.name
    if node.name.startswith("__"):
        yield f"{node.name}()", node.name
    if node.args.defaults or any(node.args.kw_defaults):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        yield from ((f"a default in {node.name}()", f"{node.name} {ast.dump(each)}") for each in defaults)
    if node.args.vararg or node.args.kwarg:
        yield f"{node.name}() with arguments of any number", node.name


def _unreached(place: str, node: ast.AST) -> Iterator[Find]:
    """What stands behind the end of a block, at the end of each round of a loop, or on a line of others."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        for one, other in pairwise(block) if isinstance(block, list) else ():
            if one.end_lineno == other.lineno:
                yield f"`{shown(other)}` on the line of another", place + ast.dump(other)
        for each in block[:-1] if isinstance(block, list) else ():
            if isinstance(each, ast.Return | ast.Raise | ast.Break | ast.Continue):
                yield f"nothing behind `{shown(each)}`", place
    if isinstance(node, ast.For | ast.AsyncFor | ast.While) and isinstance(
        node.body[-1], ast.Continue | ast.Return
    ):
        yield "a loop of one round", place


def _of_expression(node: ast.AST, constants: Constants) -> Iterator[Find]:
    match node:
        case ast.Call(func=ast.Attribute(attr=name) as called) if name in _WAITING:
            yield f"waits in `{shown(called)}()`", ast.dump(called)
        case ast.Name(id=name) if name in REACHING:
            yield name, name
        case ast.Attribute(attr=name) if name.startswith("__"):
            yield name, ast.dump(node)
        case ast.Subscript(value=owner) if isinstance(owner, _DISPLAYS):
            yield f"a choice, `{shown(node)}`", ast.dump(node)
        case ast.Call(func=ast.Attribute(value=owner)) if isinstance(owner, _DISPLAYS):
            yield f"a choice, `{shown(node)}`", ast.dump(node)
        case ast.Call(func=called, args=arguments, keywords=words) if last_name(called) not in _EVERYDAY:
            given = [*arguments, *(word.value for word in words)]
            made = [each for each in given if _is_made_up(each, constants)]
            yield from ((f"a made-up `{shown(each)}` for {shown(called)}()", ast.dump(node)) for each in made)
        case ast.comprehension(iter=source) | ast.For(iter=source) | ast.AsyncFor(iter=source):
            if isinstance(source, _LITERALS):
                yield f"a choice, `{shown(source)}`", ast.dump(source)
        case ast.alias(asname=str(name)):
            yield f"{node.name} under the name {name}", ast.dump(node)
        case ast.alias(name="*"):
            yield "all names of a module", ast.dump(node)


def _is_made_up(given: ast.expr, constants: Constants) -> bool:
    """Whole data that stand in the source: a decoy, maybe."""
    value = constants.value_of(given.id) if isinstance(given, ast.Name) else given
    return isinstance(value, _DISPLAYS) and constants.is_fixed(value)


def _eaten(node: ast.AST) -> Iterator[ast.expr]:
    """Generators that a call works through at once."""
    if isinstance(node, ast.Call) and last_name(node.func) in _AT_ONCE:
        yield from node.args


def _head(node: ast.AST) -> ast.AST:
    """A compound statement without its block: what stands in it is looked at by itself."""
    blocks = ("body", "orelse", "finalbody", "handlers", "cases")
    fields = {
        name: value
        for name, value in ast.iter_fields(node)
        if name not in blocks or isinstance(value, ast.AST)
    }
    if isinstance(node, ast.Try | ast.TryStar):
        return ast.Tuple(elts=[each.type for each in node.handlers if each.type is not None])
    return type(node)(**fields)
