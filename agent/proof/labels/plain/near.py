"""Whether what is changed is what crashed: the statements that the crash went through, and their operands."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

from agent.proof.labels.constants import last_name
from agent.proof.labels.crashed import Crashed
from agent.proof.labels.plain.conditions import asks_for_missing, names, subjects, tells
from agent.proof.labels.plain.kept import functions, named, statements
from agent.proof.labels.plain.same import REFUSED, is_same
from agent.proof.labels.sources import Trees, own, shown

_IMPORTS = (ast.Import, ast.ImportFrom)
_LEAVING = (ast.Return, ast.Continue, ast.Break, ast.Pass, *_IMPORTS)
_CONVERTING = frozenset(("get", "float", "int", "str", "len", "list", "dict", "set", "isinstance", "round"))
_FURTHEST = 3
"""How many local names lie between what crashed and where that came from."""


def near(old: Trees, new: Trees, crashed: Crashed) -> Iterator[str]:
    """What is changed elsewhere, and guards for what the crash did not work with; nothing without lines."""
    if not crashed.lines:
        return
    yield from (f"the new file {path}" for path in new.keys() - old.keys())
    for path in old.keys() & new.keys():
        before, after = functions({path: old[path]}), functions({path: new[path]})
        for place in after.keys() - before.keys():
            name = place.rpartition(".")[2]
            if f"'{name}'" not in crashed.said:
                yield f"adds {name}()"
        for place in before.keys() & after.keys():
            first, second = statements(before[place]), statements(after[place])
            was, now = Counter(map(ast.dump, first)), Counter(map(ast.dump, second))
            lost = [each for each in first if was[ast.dump(each)] > now[ast.dump(each)]]
            fresh = [each for each in second if now[ast.dump(each)] > was[ast.dump(each)]]
            met = _Met.of(before[place], crashed.lines.get(path, frozenset()))
            for each in lost:
                plain = isinstance(each, _IMPORTS) or _is_renamed(each, fresh, crashed)
                if not (plain or met.has(each)):
                    yield f"changes `{shown(each)}`, which did not crash"
                elif not (plain or _is_kept(each, fresh, crashed)):
                    yield f"`{shown(each)}` is something else now"
            if _head(before[place]) != _head(after[place]) and not REFUSED.search(crashed.said):
                yield f"the head of {place.rpartition('.')[2]} is another"
            yield from _added(fresh, lost, after[place], met, crashed)
            yield from _guards(before[place], after[place], dict(named(fresh)), met)


@dataclass(frozen=True, slots=True)
class _Met:
    """What a crash met in one function: its expressions, where these came from, and what was called."""

    lines: frozenset[int]
    names: frozenset[str]
    called: frozenset[str]

    @classmethod
    def of(cls, function: ast.AST, lines: frozenset[int]) -> _Met:
        nodes = list(own(getattr(function, "body", [])))
        every = [each for each in nodes if isinstance(each, ast.expr)]
        given = [each for each in nodes if isinstance(each, ast.Assign)]
        met = {names(each) for each in every if _is_on(each, lines)}
        for _ in range(_FURTHEST):
            came = (each.value for each in given if met & {names(target) for target in each.targets})
            met |= {names(part) for value in came for part in ast.walk(value) if isinstance(part, ast.expr)}
        calls = {names(each.func) for each in every if isinstance(each, ast.Call) and _is_on(each, lines)}
        return cls(lines, frozenset(met), frozenset(calls))

    def has(self, statement: ast.stmt) -> bool:
        """Whether a statement crashed, gave what crashed, or does what the one that crashed does."""
        match statement:
            case ast.Assign(targets=targets) if self.names & {names(each) for each in targets}:
                return True
            case ast.Expr(value=ast.Call(func=called)) if names(called) in self.called:
                return True
        return _is_on(statement, self.lines)


def _head(function: ast.AST) -> list[str]:
    """All but the body of a function; of a file the heads of its classes."""
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return [type(function).__name__, ast.dump(function.args), *map(ast.dump, function.decorator_list)]
    classes = [each for each in ast.walk(function) if isinstance(each, ast.ClassDef)]
    return [
        ast.dump(part) for each in classes for part in (*each.bases, *each.keywords, *each.decorator_list)
    ]


def _is_on(node: ast.AST, lines: frozenset[int]) -> bool:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return any(first <= line <= last for line in lines)


def _is_renamed(statement: ast.stmt, fresh: list[ast.stmt], crashed: Crashed) -> bool:
    """Whether it is there with other words, and the crash is about the words that it had."""
    for each in fresh:
        if _blank(each) == _blank(statement):
            had, has = _words(statement), _words(each)
            if all(f"{old}" in crashed.said for old, word in zip(had, has, strict=True) if old != word):
                return True
    return False


def _words(node: ast.AST) -> list[str]:
    """The words of a tree, in an order that only its shape decides."""
    found = []
    for each in ast.walk(node):
        match each:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                found.append(word)
            case ast.keyword(arg=str(word)) | ast.arg(arg=word):
                found.append(word)
    return found


def _blank(node: ast.AST) -> str:
    copy = deepcopy(node)
    for each in ast.walk(copy):
        match each:
            case ast.Name():
                each.id = "_"
            case ast.Attribute():
                each.attr = "_"
            case ast.Constant(value=str()):
                each.value = "_"
            case ast.keyword(arg=str()) | ast.arg():
                each.arg = "_"
    return ast.dump(copy)


def _is_kept(statement: ast.stmt, fresh: list[ast.stmt], crashed: Crashed) -> bool:
    """Whether one of the new statements works out what it did."""
    given = dict(named(fresh))
    return any(is_same(statement, each, given, crashed.said) for each in fresh)


def _added(
    fresh: list[ast.stmt], lost: list[ast.stmt], function: ast.AST, met: _Met, crashed: Crashed
) -> Iterator[str]:
    """New statements that stand for none of the base, and neither leave, nor tell, nor name what is read."""
    stood = [_doing(each) for each in lost]
    read = Counter(
        each.id
        for each in own(getattr(function, "body", []))
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    )
    for each in fresh:
        doing = _doing(each)
        if doing in stood:
            stood.remove(doing)
        elif not (isinstance(each, _LEAVING) or tells(each) or _is_read(each, read, met, crashed)):
            yield f"adds `{shown(each)}`"


def _doing(statement: ast.stmt) -> str:
    """What a statement does, whatever it does it with."""
    match statement:
        case ast.Assign(targets=targets):
            return f"= {', '.join(map(names, targets))}"
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return f"= {names(target)}"
        case ast.Expr(value=ast.Await(value=ast.Call(func=called)) | ast.Call(func=called)):
            return f"{names(called)}()"
    return type(statement).__name__


def _is_read(statement: ast.stmt, read: Counter[str], met: _Met, crashed: Crashed) -> bool:
    """Whether a statement names what is read, or what the crash says is not there, and does nothing else."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            calls = [each.func for each in ast.walk(value) if isinstance(each, ast.Call)]
            plain = all(last_name(each) in _CONVERTING or names(each) in met.called for each in calls)
            return plain and (read[name] > 0 or f"'{name}'" in crashed.said)
    return False


def _guards(before: ast.AST, after: ast.AST, given: Mapping[str, ast.expr], met: _Met) -> Iterator[str]:
    """New questions for missing data whose subject is no part of what crashed in that function."""
    asked = Counter(map(ast.dump, _questions(before)))
    for test in _questions(after):
        dump = ast.dump(test)
        asked[dump] -= 1
        if asked[dump] >= 0 or asks_for_missing(test) is None:
            continue
        for each in subjects(test):
            whole = _Given(given).visit(deepcopy(each))
            if not {names(part) for part in (each, whole)} & met.names:
                yield f"asks for `{shown(each)}`, which is not what crashed"


def _questions(function: ast.AST) -> Iterator[ast.expr]:
    for node in own(getattr(function, "body", [])):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield test
            case ast.comprehension(ifs=ifs):
                yield from ifs
            case ast.BoolOp(values=values):
                yield from values[:-1]


class _Given(ast.NodeTransformer):
    """Puts what new names stand for in their place."""

    def __init__(self, given: Mapping[str, ast.expr]) -> None:
        self._given = given

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return deepcopy(self._given.get(node.id, node))
