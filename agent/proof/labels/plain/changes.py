"""What is changed in place, called for nothing, kept for nothing, or bound a second time."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator

from agent.proof.labels.plain.conditions import TELLING, Find
from agent.proof.labels.plain.words import bound
from agent.proof.labels.sources import Function, Module, own, shown

_CHANGING = frozenset(
    {"add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft"}
    | {"insert", "intersection_update", "move_to_end", "pop", "popitem", "popleft", "put", "put_nowait"}
    | {"remove", "reverse", "rotate", "set", "set_exception", "set_result", "setdefault", "sort"}
    | {"symmetric_difference_update", "update"}
)  # fmt: skip
_MADE = frozenset({"dict", "list", "set", "sorted", "deque", "defaultdict", "copy", "deepcopy"})
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def changes(module: Module) -> Iterator[Find]:
    """Everything of the kind, the file's own names first."""
    yield from _bound_again(module)
    for place, node in module.placed:
        if isinstance(node, Function):
            yield from _within(f"{place}.{node.name}", node)


def _bound_again(module: Module) -> Iterator[Find]:
    """Names of the file, or of a class of it, that are given a second meaning."""
    for place, node in (
        ("", module.tree),
        *((p, n) for p, n in module.placed if isinstance(n, ast.ClassDef)),
    ):
        body: list[ast.stmt] = node.body  # type: ignore[attr-defined]
        names = Counter(name for statement in body for name in _bound_by(statement))
        for name in names:
            if hasattr(builtins, name):
                yield f"gives {name} another meaning", f"{place}.{name}"
        for name, times in names.items():
            for _ in range(times - 1):
                yield f"gives {name} a second meaning", f"{place}.{name}"


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, Function | ast.ClassDef):
        yield statement.name
    else:
        yield from (name for node in own([statement]) for name in bound(node))


def _within(place: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Find]:
    """What one function changes, keeps and drops."""
    body = list(own(function.body))
    fresh = _fresh(function, body)
    read = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    yield from _given_again(place, function, body)
    yield from ((f"never reads {name}", f"{place} {name}") for name in _given(function) if name not in read)
    for node in body:
        match node:
            case ast.Attribute(ctx=ast.Store()) if not place.endswith(".__init__"):
                yield f"sets {ast.unparse(node)}", f"{place} {ast.unparse(node)}"
            case ast.Subscript(value=owner, ctx=ast.Store()) if not _is_fresh(owner, fresh):
                yield f"changes {shown(owner)} in place", f"{place} {ast.dump(node)}"
            case ast.AugAssign(target=ast.Name(id=name), value=value) if isinstance(value, _DISPLAYS):
                if name not in fresh:
                    yield f"changes {name} in place", f"{place} {ast.dump(node)}"
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _CHANGING:
                if not _is_fresh(owner, fresh):
                    yield f"changes {shown(owner)} by {name}()", f"{place} {ast.dump(node)}"
            case ast.Expr(value=value) if not _is_used(value):
                done = value.func if isinstance(value, ast.Call) else value
                yield f"does {shown(done)} and uses nothing of it", f"{place} {ast.dump(done)}"
            case ast.Name(id=name, ctx=ast.Store()):
                if hasattr(builtins, name):
                    yield f"gives {name} another meaning", f"{place} {name}"
                elif name not in read:
                    yield f"keeps {name} for nothing", f"{place} {name}"


def _given(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The parameters that a function has to read; those that begin with _ say that it does not."""
    names = (each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg))
    return [name for name in names if name not in ("self", "cls") and not name.startswith("_")]


def _given_again(
    place: str, function: ast.FunctionDef | ast.AsyncFunctionDef, body: list[ast.AST]
) -> Iterator[Find]:
    """Local names that stand for another value later on, which is not made of the first."""
    known = set(_given(function))
    for node in sorted((each for each in body if isinstance(each, ast.stmt)), key=lambda each: each.lineno):
        value = getattr(node, "value", None) if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.For | ast.AsyncFor):
            continue
        made_of = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)} if value else set()
        for name in (
            each.id for part in _targets(node) for each in ast.walk(part) if isinstance(each, ast.Name)
        ):
            if name in known and name not in made_of:
                yield f"gives {name} another value", f"{place} {name}"
            known |= {name} if isinstance(node, ast.Assign | ast.AnnAssign) else set()


def _fresh(function: ast.FunctionDef | ast.AsyncFunctionDef, body: list[ast.AST]) -> set[str]:
    """Local names that stand for nothing but what the function itself has made."""
    given = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    made, other = set[str](), set(given)
    for node in body:
        if isinstance(node, ast.Assign) and _is_made(node.value):
            made |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and node.value is not None and _is_made(node.value):
            made |= {node.target.id} if isinstance(node.target, ast.Name) else set()
        elif isinstance(node, ast.stmt | ast.comprehension | ast.NamedExpr | ast.withitem):
            stored = (each for part in _targets(node) for each in ast.walk(part))
            other |= {each.id for each in stored if isinstance(each, ast.Name)}
    return made - other


def _targets(node: ast.AST) -> Iterator[ast.AST]:
    targets = getattr(node, "targets", None) or [
        getattr(node, "target", None),
        getattr(node, "optional_vars", None),
    ]
    yield from (each for each in targets if isinstance(each, ast.AST))


def _is_made(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        called = value.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        return name in _MADE
    return isinstance(value, _DISPLAYS)


def _is_fresh(owner: ast.expr, fresh: set[str]) -> bool:
    return isinstance(owner, ast.Name) and owner.id in fresh


def _is_used(value: ast.expr) -> bool:
    """What stands alone is a text, is waited for, tells somebody, or is one of the changes above."""
    if isinstance(value, ast.Constant | ast.Await | ast.Yield | ast.YieldFrom):
        return True
    if not isinstance(value, ast.Call):
        return False
    called = value.func
    name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
    return name in TELLING or (name in _CHANGING and isinstance(called, ast.Attribute))
