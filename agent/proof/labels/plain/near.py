"""Whether the patched code is the base's, statement by statement, but for what a repair of a crash puts in.

That is: guards that leave where an operand of what crashed is missing, a name for such an operand, a word to
the log, an import, and the statement that crashed with its operands in the same places (see `same`).
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.plain.conditions import TELLING, asks_for_missing, names, tells
from agent.proof.labels.plain.guards import guards, is_guard
from agent.proof.labels.plain.message import Message
from agent.proof.labels.plain.met import Met
from agent.proof.labels.plain.same import Given, core, is_renamed, is_same, swapped
from agent.proof.labels.plain.words import Words, bound
from agent.proof.labels.sources import Function, Trees, nodes, own, shown

_IMPORTS = (ast.Import, ast.ImportFrom)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "finalbody")
_CONVERTING = frozenset(("get", "float", "int", "str", "len", "list", "dict", "set", "isinstance", "round"))


def near(old: Trees, new: Trees, crashed: Crashed, words: Words) -> Iterator[str]:
    """What is more than that; nothing where no line of the crash is known."""
    if crashed.lines:
        message = Message.of(crashed.said)
        yield from _unheard_of(new, message, words)
        yield from (f"the new file {path}" for path in new.keys() - old.keys())
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
    walk = _Walk(met, message, _read(new), _given(new, met), place.outer if local else frozenset())
    yield from walk.block(_plain(old), _plain(new))
    yield from guards(old, new, walk.given, met, message)
    yield from _meant_anew(old, new, met)
    before, after = _defined(old), _defined(new)
    for name in after.keys() - before.keys():
        if name[0] not in message.words:
            yield f"adds {name[0]}()"
    yield from (f"no {name[0]}() any more" for name in before.keys() - after.keys())
    for name in before.keys() & after.keys():
        if _head(before[name]) != _head(after[name]) and not message.refused:
            yield f"the head of {name[0]} is another"
        yield from _scope(before[name], after[name], place)


def _meant_anew(old: ast.AST, new: ast.AST, met: Met) -> Iterator[str]:
    """Names that a new comprehension gives another meaning within itself."""
    had = frozenset(_looped(old))
    for name in (frozenset(_looped(new)) - had) & met.bound:
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
        parts.append(block.args)
    elif isinstance(block, ast.ClassDef):
        parts += [*block.bases, *block.keywords]
    return [type(block).__name__, *map(ast.dump, parts)]


def _read(block: ast.AST) -> Counter[str]:
    nodes = own(getattr(block, "body", []))
    return Counter(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))


def _given(block: ast.AST, met: Met) -> Given:
    """What new local names stand for, of those that stand for one thing."""
    found = {}
    every = list(own(getattr(block, "body", [])))
    times = Counter(name for each in every for name in bound(each))
    for each in every:
        match each:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in met.bound:
                if times[name] == 1:
                    found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through two versions of a scope: `read` and `given` are of the new one, `outer` around it."""

    met: Met
    message: Message
    read: Counter[str]
    given: Given
    outer: frozenset[str]

    def block(self, old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> Iterator[str]:
        """The new statements are the old ones, in their order, and insertions."""
        at = 0
        for each in new:
            if at < len(old) and self.is_for(old[at], each):
                yield from self.pair(old[at], each)
                at += 1
            elif (taken := self.wrapped(old[at:], each)) > 0:
                at += taken
            elif not self.is_inserted(each):
                later = next((n for n in range(at, len(old)) if self.is_for(old[n], each)), None)
                if later is None:
                    yield from self.odd(old[at:], each)
                    at += self.is_instead(old[at:], each)
                else:
                    yield from (f"no `{shown(gone)}` any more" for gone in old[at:later])
                    yield from self.pair(old[later], each)
                    at = later + 1
        for gone in old[at:]:
            if not self.is_said(gone):
                yield f"no `{shown(gone)}` any more"

    def is_for(self, old: ast.stmt, new: ast.stmt) -> bool:
        """Whether a statement stands for one of the base: it is that, or that mended."""
        if type(old) is not type(new):
            return False
        if ast.dump(old) == ast.dump(new):
            return True
        one, other = _front(old), _front(new)
        if ast.dump(one) == ast.dump(other):
            # The same block, with something else in it.
            return bool(_blocks(old))
        if self.met.has(old):
            return is_same(one, other, self.given, self.message)
        return is_renamed(one, other, self.message)

    def pair(self, old: ast.stmt, new: ast.stmt) -> Iterator[str]:
        """What is more in a statement that stands for another, and in its blocks."""
        for was, now in swapped(_front(old), _front(new), self.given, self.message):
            yield f"puts {now} in the place of {was}"
        for one, other in zip(_blocks(old), _blocks(new), strict=True):
            yield from self.block(one, other)

    def wrapped(self, old: Sequence[ast.stmt], new: ast.stmt) -> int:
        """How many statements of the base are now done only where data is there."""
        match new:
            case ast.If(test=test, body=body, orelse=[]) if asks_for_missing(test) is False:
                plain = len(body) <= len(old) and bool(body)
                pairs = zip(old, body, strict=False)
                if plain and all(self.is_for(one, other) and not _blocks(one) for one, other in pairs):
                    return len(body)
        return 0

    def is_inserted(self, statement: ast.stmt) -> bool:
        """Whether it is one of what a repair puts in."""
        match statement:
            case ast.If(body=[*before, last]) as found:
                quiet = not any(map(self.does_more, (*before, last)))
                return is_guard(found) and quiet
            case ast.Import() | ast.ImportFrom():
                names_ = {name for one in statement.names for name in bound(one)}
                return not (self.met.bound | self.outer) & names_
            case ast.Expr(value=ast.Call()):
                return tells(statement) and not self.does_more(statement)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in self.met.bound:
                # The same list without what is missing.
                return isinstance(value, ast.ListComp) and self.means(value) == {name}
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known = name in self.given and name not in self.outer and self.read[name] > 0
                return known and not self.does_more(statement) and bool(self.means(value) & self.met.names)
        return False

    def means(self, value: ast.expr) -> set[str]:
        """What an expression stands for once guards and conversions are taken away."""
        return {names(core(value, self.given, self.message.conversions))}

    def does_more(self, statement: ast.AST) -> bool:
        """Whether it waits, or calls anything but the log and what converts."""
        parts = list(ast.walk(statement))
        calls = [each.func for each in parts if isinstance(each, ast.Call)]
        waits = any(isinstance(each, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr) for each in parts)
        return waits or not all(_last(each) in _CONVERTING | TELLING for each in calls)

    def odd(self, old: Sequence[ast.stmt], new: ast.stmt) -> Iterator[str]:
        """A statement that is no insertion and stands for none of the base."""
        if old and self.is_instead(old, new):
            what = "is something else now" if self.met.has(old[0]) else "is changed, and did not crash"
            yield f"`{shown(_front(old[0]))}` {what}"
        else:
            yield f"adds `{shown(_front(new))}`"

    def is_instead(self, old: Sequence[ast.stmt], new: ast.stmt) -> bool:
        """Whether it does what the next statement of the base did, with something else."""
        return bool(old) and _doing(old[0]) == _doing(new)

    def is_said(self, statement: ast.stmt) -> bool:
        """Whether the crash speaks of a word of it."""
        words = (getattr(each, name, None) for each in ast.walk(statement) for name in _SPOKEN)
        return any(isinstance(word, str) and word in self.message.words for word in words)


_SPOKEN = ("id", "attr", "arg", "value", "name", "module")


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _front(statement: ast.stmt) -> ast.stmt:
    """A block's head, with nothing in it; any other statement as it is."""
    if not _blocks(statement):
        return statement
    empty = deepcopy(statement)
    for name in _BLOCKS:
        if hasattr(empty, name):
            setattr(empty, name, [])
    for handler in (*getattr(empty, "handlers", []), *getattr(empty, "cases", [])):
        handler.body = []
    return empty


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    blocks = [
        getattr(statement, name) for name in _BLOCKS if isinstance(getattr(statement, name, None), list)
    ]
    handlers = (*getattr(statement, "handlers", []), *getattr(statement, "cases", []))
    return [*blocks, *(handler.body for handler in handlers)]


def _doing(statement: ast.stmt) -> str:
    """What a statement does, whatever it does it with."""
    match statement:
        case ast.Assign(targets=targets):
            return f"= {', '.join(map(ast.unparse, targets))}"
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return f"= {ast.unparse(target)}"
        case ast.Expr(value=ast.Await(value=ast.Call(func=called)) | ast.Call(func=called)):
            return f"{ast.unparse(called)}()"
    return type(statement).__name__
