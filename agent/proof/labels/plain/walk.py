"""Goes through two versions of a scope side by side: what stands for what, and what is put in between."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from agent.proof.labels.constants import last_name
from agent.proof.labels.plain.conditions import TELLING, asks_for_missing, names, tells
from agent.proof.labels.plain.guards import is_guard
from agent.proof.labels.plain.message import Message
from agent.proof.labels.plain.met import Met
from agent.proof.labels.plain.same import Given, core, is_renamed, is_same, swapped
from agent.proof.labels.plain.words import bound, said
from agent.proof.labels.sources import shown
from tools.redact import names_secret

_BLOCKS = ("body", "orelse", "finalbody")
_CONVERTING = frozenset(("get", "float", "int", "str", "len", "list", "dict", "set", "isinstance", "round"))
_SPOKEN = ("id", "attr", "arg", "value", "name", "module")
"""Where the nodes of a tree keep their words."""
_NAMING = (
    ast.Name, ast.Attribute, ast.Constant, ast.JoinedStr, ast.FormattedValue, ast.keyword, ast.expr_context,
)  # fmt: skip
"""All that stands in a word to the log that only names things."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Goes through two versions of a scope: `read`, `used` and `given` are of the new one, `outer` around it.

    `read` is what it reads itself, `used` what anything inside of it does; `truths` says that it answers yes
    or no.
    """

    met: Met
    message: Message
    read: Counter[str]
    used: frozenset[str]
    given: Given
    outer: frozenset[str]
    truths: bool

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
        yield from self.asked_for(_front(old), _front(new))
        for one, other in zip(_blocks(old), _blocks(new), strict=True):
            yield from self.block(one, other)

    def asked_for(self, old: ast.stmt, new: ast.stmt) -> Iterator[str]:
        """Keys that are read by `get` now, of which the crash does not say that they are missing."""
        if self.message.key:
            return
        read = {names(each) for each in ast.walk(old) if isinstance(each, ast.Subscript)}
        had = {ast.dump(each) for each in ast.walk(old)}
        for each in ast.walk(new):
            match each:
                case ast.Call(func=ast.Attribute(attr="get")) if ast.dump(each) not in had:
                    if names(each) in read and names(each) not in self.met.operands:
                        yield f"takes it that {names(each)} is missing"

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
                plain = all(_is_plain(each) for each in before if isinstance(each, ast.Expr))
                made_up = isinstance(last, ast.Return) and _is_yes_or_no(last.value) and not self.truths
                return is_guard(found) and plain and not made_up and not self.does_more(last)
            case ast.Import() | ast.ImportFrom():
                names_ = {name for one in statement.names for name in bound(one)}
                return names_ <= self.used and not (self.met.bound | self.outer) & names_
            case ast.Expr(value=ast.Call() as told):
                # Where nothing crashed it may be reached later, and with what is not there.
                return tells(statement) and _is_plain(statement) and _told(told) <= self.met.names
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in self.met.bound:
                # The same list without what is missing.
                sifts = isinstance(value, ast.ListComp) and bool(value.generators[0].ifs)
                return sifts and self.means(value) == {name} and name in self.met.names
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
        return waits or not all(last_name(each) in _CONVERTING | TELLING for each in calls)

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


def _is_yes_or_no(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, bool)


def _is_plain(told: ast.Expr) -> bool:
    """Whether a word to the log only names things, and no secret: nothing in it is worked out or called."""
    if not isinstance(told.value, ast.Call) or not _is_logger(told.value.func):
        return False
    given = (*told.value.args, *told.value.keywords)
    parts = [part for each in given for part in ast.walk(each)]
    # A width, or a form that only numbers have, may harm where a word is only written.
    formed = any(isinstance(part, ast.FormattedValue) and part.format_spec is not None for part in parts)
    secret = any(names_secret(said(part)) for part in parts if isinstance(part, ast.Name | ast.Attribute))
    return not (formed or secret) and all(isinstance(part, _NAMING) for part in parts)


def _is_logger(called: ast.expr) -> bool:
    """Whether it is a method of a log, by its name: that of a module, or of the object itself."""
    log = called.value if isinstance(called, ast.Attribute) else ast.Constant(None)
    whence = log.value if isinstance(log, ast.Attribute) else ast.Name("self")
    return "log" in last_name(log).lower() and isinstance(whence, ast.Name) and whence.id == "self"


def _told(call: ast.Call) -> set[str]:
    """What a word to the log names."""
    found, waiting = set[str](), [*call.args, *(each.value for each in call.keywords)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name | ast.Attribute):
            found.add(names(part))
        else:
            waiting += [each for each in ast.iter_child_nodes(part) if isinstance(each, ast.expr)]
    return found


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
