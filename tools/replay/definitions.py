"""What the source of a file says of its functions: their qualified names, and which of them may live on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from tools.replay.javascript import functions_of, is_script

MODULE = "<module>"
LOCALS = ".<locals>"
_NAMELESS = {
    ast.Lambda: "<lambda>",
    ast.GeneratorExp: "<genexpr>",
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Definition:
    """One piece of code with a qualified name, and the `lines` that it has, its decorators left out.

    `lives_on` says where a call of it may be open for as long as the service runs: "suspended" for a
    coroutine or a generator, "in a thread" for what loops.
    """

    qualified: str
    lines: range = range(0)
    lives_on: frozenset[str] = field(default_factory=frozenset)


@cache
def definitions(path: str, source: bytes) -> tuple[Definition, ...]:
    """All the code of a file that has a name, the module first; empty where Python does not compile.

    Of a script it is the plain names, and no lines.
    """
    if is_script(path):
        return tuple(Definition(name) for name in sorted(functions_of(source)))
    try:
        tree = ast.parse(source)
        return (Definition(MODULE), *_within(tree, ""))
    except (SyntaxError, ValueError, RecursionError):
        return ()


def definition_at(path: str, source: bytes, line: int, name: str) -> Definition | None:
    """The function of this plain name around a line, else the only one of that name."""
    named = [each for each in definitions(path, source) if each.qualified.rpartition(".")[2] == name]
    around = [each for each in named if line in each.lines]
    return max(around, key=lambda each: each.lines.start) if around else named[0] if len(named) == 1 else None


def _within(node: ast.AST, prefix: str) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        name = child.name if isinstance(child, (*_FUNCTIONS, ast.ClassDef)) else _NAMELESS.get(type(child))
        if name is None:
            yield from _within(child, prefix)
            continue
        qualified = f"{prefix}{name}"
        lines = range(child.lineno, (child.end_lineno or child.lineno) + 1)  # type: ignore[attr-defined]
        yield Definition(qualified, lines, _lives_on(child))
        yield from _within(child, f"{qualified}{'' if isinstance(child, ast.ClassDef) else LOCALS}.")


def _lives_on(node: ast.AST) -> frozenset[str]:
    own = list(_own(node))
    suspends = isinstance(node, ast.AsyncFunctionDef) or any(
        isinstance(each, ast.Yield | ast.YieldFrom) for each in own
    )
    loops = any(isinstance(each, ast.While) for each in own)
    return frozenset([*(["suspended"] if suspends else []), *(["in a thread"] if loops else [])])


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """All that stands in a function, but not in those within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield child
            yield from _own(child)
