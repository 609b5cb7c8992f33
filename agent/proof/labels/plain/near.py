"""Whether the patched code is the base's, statement by statement, but for what a repair of a crash puts in.

That is: guards that leave where an operand of what crashed is missing, a name for such an operand, a word to
the log, an import, and the statement that crashed with its operands in the same places (see `same`).
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.plain.conditions import asks_for_missing, tells
from agent.proof.labels.plain.guards import guards, is_guard
from agent.proof.labels.plain.met import Met
from agent.proof.labels.plain.same import REFUSED, Given, core, is_same, swapped
from agent.proof.labels.plain.words import Words, bound
from agent.proof.labels.sources import Function, Trees, nodes, own, shown

_IMPORTS = (ast.Import, ast.ImportFrom)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = ("body", "orelse", "finalbody")
_KEY = re.compile(r"'([^']+)'")
"""All that a KeyError says."""
_CONVERTING = frozenset(("get", "float", "int", "str", "len", "list", "dict", "set", "isinstance", "round"))
_FAR = 0.75
"""How little two words are alike that a reader is to look at."""


def near(old: Trees, new: Trees, crashed: Crashed, words: Words) -> Iterator[str]:
    """What is more than that; nothing where no line of the crash is known."""
    if crashed.lines:
        yield from _unheard_of(new, crashed, words)
        yield from (f"the new file {path}" for path in new.keys() - old.keys())
        for path in sorted(old.keys() & new.keys()):
            lines = crashed.lines.get(path, frozenset())
            yield from _scope(old[path].tree, new[path].tree, lines, crashed)


def _unheard_of(new: Trees, crashed: Crashed, words: Words) -> Iterator[str]:
    """A key that is missing, and is still read: where nothing else writes it, it will always be missing."""
    key = _KEY.fullmatch(crashed.said)
    kept = [node for node in nodes(new) if isinstance(node, ast.Constant) and key and node.value == key[1]]
    if key and kept and words.often[key[1]] < 2:
        yield f"still reads {key[1]!r}, which nothing else knows"


def _scope(old: ast.AST, new: ast.AST, lines: frozenset[int], crashed: Crashed) -> Iterator[str]:
    """A file, a class or a function, and what is defined in it."""
    met = Met.of(old, lines)
    walk = _Walk(met, crashed, _read(new), _given(new, met))
    yield from walk.block(_plain(old), _plain(new))
    yield from guards(old, new, walk.given, met, crashed.said)
    before, after = _defined(old), _defined(new)
    for name in after.keys() - before.keys():
        if f"'{name[0]}'" not in crashed.said:
            yield f"adds {name[0]}()"
    yield from (f"no {name[0]}() any more" for name in before.keys() - after.keys())
    for name in before.keys() & after.keys():
        if _head(before[name]) != _head(after[name]) and not REFUSED.search(crashed.said):
            yield f"the head of {name[0]} is another"
        yield from _scope(before[name], after[name], lines, crashed)


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
    """What new local names stand for."""
    found = {}
    for each in own(getattr(block, "body", [])):
        match each:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in met.bound:
                found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes through two versions of a scope: `read` and `given` are of the new one."""

    met: Met
    crashed: Crashed
    read: Counter[str]
    given: Given

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
        mended = self.met.has(old) or self.is_said(old)
        one, other = _front(old), _front(new)
        if ast.dump(one) == ast.dump(other):
            # The same block, with something else in it.
            return bool(_blocks(old))
        return mended and is_same(one, other, self.given, self.crashed.said)

    def pair(self, old: ast.stmt, new: ast.stmt) -> Iterator[str]:
        """What is more in a statement that stands for another, and in its blocks."""
        for was, now in swapped(_front(old), _front(new), self.given, self.crashed.said, _FAR):
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
            case ast.If() as found:
                return is_guard(found)
            case ast.Import() | ast.ImportFrom():
                return not self.met.bound & {name for one in statement.names for name in bound(one)}
            case ast.Expr(value=ast.Call(args=given)):
                return tells(statement) and not any(map(self.does_more, given))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in self.met.bound:
                # The same list without what is missing.
                return isinstance(value, ast.ListComp) and ast.unparse(core(value, {})) == name
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                used = self.read[name] > 0 or f"'{name}'" in self.crashed.said
                return used and not self.does_more(value)
        return False

    def does_more(self, value: ast.expr) -> bool:
        """Whether an expression calls anything but what converts, or what crashed."""
        calls = [each.func for each in ast.walk(value) if isinstance(each, ast.Call)]
        return not all(_last(each) in _CONVERTING or ast.unparse(each) in self.met.called for each in calls)

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
        return any(isinstance(word, str) and f"'{word}'" in self.crashed.said for word in words)


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
