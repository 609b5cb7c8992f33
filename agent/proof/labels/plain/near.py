"""Whether the patched code is the base's, statement by statement, but for what a repair of a crash puts in.

That is: guards that leave where an operand of what crashed is missing, a name for such an operand, a word to
the log, an import, and the statement that crashed with its operands in the same places (see `same`).
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.plain.guards import guards
from agent.proof.labels.plain.message import Message
from agent.proof.labels.plain.met import Met
from agent.proof.labels.plain.same import Given
from agent.proof.labels.plain.walk import Walk
from agent.proof.labels.plain.words import Words, bound
from agent.proof.labels.sources import Function, Trees, nodes, own

_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def near(old: Trees, new: Trees, crashed: Crashed, words: Words) -> Iterator[str]:
    """What is more than that; nothing where no line of the crash is known."""
    if crashed.lines:
        message = Message.of(crashed.said)
        yield from _unheard_of(new, message, words)
        yield from (f"the new file {path}" for path in sorted(new.keys() - old.keys()))
        for path in sorted(old.keys() & new.keys()):
            culprit = crashed.culprit[1] if crashed.culprit and crashed.culprit[0] == path else 0
            place = _Place(crashed.lines.get(path, frozenset()), culprit, message, _outer(new[path].tree))
            yield from _scope(old[path].tree, new[path].tree, place)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file was hit: lines, and the culprit's or 0; `outer` are the names of the whole file."""

    lines: frozenset[int]
    culprit: int
    message: Message
    outer: frozenset[str]


def _outer(tree: ast.Module) -> frozenset[str]:
    return frozenset({name for each in own(tree.body) for name in bound(each)} | set(dir(builtins)))


def _unheard_of(new: Trees, message: Message, words: Words) -> Iterator[str]:
    """A key that is missing, and is still read: where nothing else writes it, it will always be missing."""
    key = message.key
    kept = any(isinstance(node, ast.Constant) and node.value == key for node in nodes(new))
    if key and kept and words.often[key] < 2:
        yield f"still reads {key!r}, which nothing else knows"


def _scope(old: ast.AST, new: ast.AST, place: _Place) -> Iterator[str]:
    """A file, a class or a function, and what is defined in it."""
    message = place.message
    met = Met.of(old, place.lines, place.culprit, message.key)
    local = isinstance(old, Function)
    used = frozenset(each.id for each in ast.walk(new) if isinstance(each, ast.Name))
    outer = place.outer if local else frozenset[str]()
    walk = Walk(met, message, _read(new), used, _given(new, met), outer, any(map(_is_truth, own(_body(old)))))
    yield from walk.block(_plain(old), _plain(new))
    yield from guards(old, new, walk.given, met, message)
    yield from _meant_anew(old, new, met)
    before, after = _defined(old), _defined(new)
    for name in sorted(after.keys() - before.keys()):
        if name[0] not in message.words:
            yield f"adds {name[0]}()"
    yield from (f"no {name[0]}() any more" for name in sorted(before.keys() - after.keys()))
    for name in sorted(before.keys() & after.keys()):
        if _head(before[name]) != _head(after[name]) and not message.refused:
            yield f"the head of {name[0]} is another"
        yield from _scope(before[name], after[name], place)


def _body(block: ast.AST) -> list[ast.stmt]:
    body: list[ast.stmt] = getattr(block, "body", [])
    return body


def _is_truth(node: ast.AST) -> bool:
    """Whether a function answers yes or no there."""
    match node:
        case ast.Return(value=ast.Constant(value=bool()) | ast.Compare() | ast.UnaryOp(op=ast.Not())):
            return True
        case ast.Return(value=ast.BoolOp(values=values)):
            return any(isinstance(each, ast.Compare) for each in values)
        case ast.Return(value=ast.Call(func=ast.Name(id="any" | "all" | "isinstance" | "bool"))):
            return True
    return False


def _meant_anew(old: ast.AST, new: ast.AST, met: Met) -> Iterator[str]:
    """Names that a new comprehension gives another meaning within itself."""
    had = frozenset(_looped(old))
    for name in sorted((frozenset(_looped(new)) - had) & met.bound):
        yield f"gives {name} another meaning"


def _looped(scope: ast.AST) -> Iterator[str]:
    for each in own(getattr(scope, "body", [])):
        if isinstance(each, ast.comprehension):
            yield from (part.id for part in ast.walk(each.target) if isinstance(part, ast.Name))


def _plain(block: ast.AST) -> list[ast.stmt]:
    """The statements of a scope, without what it defines and what it says of itself."""
    body: list[ast.stmt] = getattr(block, "body", [])
    return [each for each in body if not isinstance(each, _NAMED) and not _is_text(each)]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _defined(block: ast.AST) -> dict[tuple[str, int], ast.AST]:
    """Functions and classes of a scope, by name and by which of that name it is."""
    found: dict[tuple[str, int], ast.AST] = {}
    seen = Counter[str]()
    for each in own(getattr(block, "body", [])):
        if isinstance(each, _NAMED):
            found[each.name, seen[each.name]] = each
            seen[each.name] += 1
    return found


def _head(block: ast.AST) -> list[str]:
    """All but the body of a function or a class."""
    parts: list[ast.AST] = list(getattr(block, "decorator_list", []))
    if isinstance(block, Function):
        # What stands in an annotation runs when the function is made.
        parts += [block.args, *([block.returns] if block.returns is not None else [])]
    elif isinstance(block, ast.ClassDef):
        parts += [*block.bases, *block.keywords]
    parts += getattr(block, "type_params", [])
    return [type(block).__name__, *map(ast.dump, parts)]


def _read(block: ast.AST) -> Counter[str]:
    nodes = own(getattr(block, "body", []))
    return Counter(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))


def _given(block: ast.AST, met: Met) -> Given:
    """What new local names stand for, of those that stand for one thing."""
    found = {}
    every = list(own(getattr(block, "body", [])))
    times = Counter(name for each in every for name in bound(each))
    given = (
        {each.arg for each in ast.walk(block.args) if isinstance(each, ast.arg)}
        if isinstance(block, Function)
        else set()
    )
    for each in every:
        match each:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in met.bound:
                made_of = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
                # What is given another value in between is not what the name stands for.
                if times[name] == 1 and all(times[one] + (one in given) < 2 for one in made_of):
                    found[name] = value
    return found
