"""What a patch drops, read from its syntax: an import, route, subscription, task, key, call, entry of data.

A name that another of its kind replaces, or that is still used in another way, is no loss but something
to look at: a fix may well rename a key that was wrong.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.proof.labels.constants import last_name
from agent.proof.labels.data import SUFFIXES, loses_entries
from agent.proof.labels.served import UPKEEP, Served, kind_of, served, texts
from agent.proof.labels.sources import Function, Module, Trees, nodes

_DEFAULT_METHOD = Served("route", "GET", is_text=True)
"""Whoever names no method means this one."""
_WAITING = frozenset({"sleep", "wait", "wait_for", "gather", "shield", "timeout", "aclose", "close"})


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the base had. `replaced` says that something stands in its place."""

    what: str
    name: str
    replaced: bool

    def __str__(self) -> str:
        return f"{self.what} {self.name}"


def losses(old: Trees, new: Trees) -> list[Loss]:
    """What the changed Python had and has no more, by trees of both sides."""
    found = {*_served_no_more(old, new), *_imported_no_more(old, new), *_awaited_no_more(old, new)}
    return sorted(found, key=str)


def lost_data(before: Mapping[str, str], after: Mapping[str, str]) -> list[Loss]:
    """The files of data that lost entries, by path and source on each side."""
    return [
        Loss("data of", path, replaced=False)
        for path in sorted(before)
        if path.endswith(SUFFIXES) and loses_entries(path, before[path], after.get(path, ""))
    ]


def _served_no_more(old: Trees, new: Trees) -> Iterator[Loss]:
    before, after, live = served(old), served(new), served(_without_unused(old, new))
    lost, gained = before - live - {_DEFAULT_METHOD}, live - before
    still = texts(new) | {f"{name}()" for name in _calls(new)} | _names(after)
    for one in lost:
        renamed = sum(map(one.is_like, gained)) >= sum(map(one.is_like, lost))
        yield Loss(one.kind, one.name, renamed or one.name in still or not _is_sure(one, old))


def _names(served_now: Iterable[Served]) -> set[str]:
    return {one.name for one in served_now if one.kind != UPKEEP}


def _is_sure(one: Served, old: Trees) -> bool:
    """Whether what is gone did something for sure: a variable may only have had another name."""
    if one.kind == "handler":
        return re.search(r"\.(on_?\w*|\w*handler|\w*listener|event|job|task)\(", one.name) is not None
    return one.kind != UPKEEP and (one.kind != "task" or one.name.endswith("()") or one.name in _defined(old))


def _imported_no_more(old: Trees, new: Trees) -> Iterator[Loss]:
    gone = (_imported(old) - _bound(new)) & _used(old)
    something_else = bool(_calls(new) - _calls(old))
    for name in gone - _renamed(old, new):
        yield Loss("import", name, something_else)
    for name in _shadowed(old, new):
        yield Loss("import", name, replaced=True)


def _awaited_no_more(old: Trees, new: Trees) -> Iterator[Loss]:
    """Awaited calls that nothing makes any more. A loss is sure where the files themselves define them."""
    lost = _awaited(old) - _mentioned(new) - _WAITING
    gained = _calls(new) - _calls(old)
    for name in lost:
        yield Loss("call", f"{name}()", bool(gained) or name not in _defined(old) or name in _imported(old))
    for name in _done(old) & _defined(old) & _defined(new) - _mentioned(new) - lost:
        yield Loss("call", f"{name}()", replaced=True)


def _awaited(trees: Trees) -> set[str]:
    """Names of what is awaited, and of the files' own coroutines that are awaited within another call."""
    every = list(nodes(trees))
    coroutines = {node.name for node in every if isinstance(node, ast.AsyncFunctionDef)}
    found = set()
    for wait in (node.value for node in every if isinstance(node, ast.Await)):
        calls = [each for each in ast.walk(wait) if isinstance(each, ast.Call) and not kind_of(each)]
        names = {last_name(each.func) for each in calls if each is wait}
        found |= names | ({last_name(each.func) for each in calls} & coroutines)
    return found - {""}


def _done(trees: Trees) -> set[str]:
    """Names of what is called for what it does and not for what it gives."""
    given = (node.value for node in nodes(trees) if isinstance(node, ast.Expr))
    return {last_name(node.func) for node in given if isinstance(node, ast.Call)}


def _mentioned(trees: Trees) -> set[str]:
    return {last_name(node) for node in nodes(trees) if isinstance(node, ast.Name | ast.Attribute)}


def _defined(trees: Trees) -> set[str]:
    return {node.name for node in nodes(trees) if isinstance(node, Function | ast.ClassDef)}


def _without_unused(old: Trees, new: Trees) -> Trees:
    """The new trees without the new functions that nothing in them names."""
    had, named = _defined(old), _mentioned(new)
    unused = _defined(new) - had - named
    if not unused:
        return new
    return {path: Module.of(_Used(had | named).visit(copy.deepcopy(m.tree))) for path, m in new.items()}


class _Used(ast.NodeTransformer):
    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._kept(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._kept(node)

    def _kept(self, node: Function) -> ast.AST:
        is_used = node.name in self.names or node.name.startswith("__") or bool(node.decorator_list)
        return self.generic_visit(node) if is_used else ast.Pass()


def _shadowed(old: Trees, new: Trees) -> Iterator[str]:
    """Imported names that a new definition of the same file stands for now."""
    moved = {ast.dump(node) for node in nodes(old) if isinstance(node, Function)}
    for path in sorted(old.keys() & new.keys()):
        before, after = {path: old[path]}, {path: new[path]}
        gone = (_imported(before) & _used(before)) - _imported(after)
        tops = (node for node in new[path].tree.body if isinstance(node, Function) and node.name in gone)
        yield from (node.name for node in tops if ast.dump(node) not in moved)


def _renamed(old: Trees, new: Trees) -> set[str]:
    """Names in whose place as many others are imported from the same module now."""
    before, after = _by_module(old), _by_module(new)
    lost = {module: names - after.get(module, set()) for module, names in before.items()}
    gained = {module: names - before.get(module, set()) for module, names in after.items()}
    return {
        name for module, names in lost.items() if len(gained.get(module, ())) >= len(names) for name in names
    }


def _by_module(trees: Trees) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for node in nodes(trees):
        if isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            found.setdefault(f"{node.level}{node.module}", set()).update(names)
    return found


def _imported(trees: Trees) -> set[str]:
    return {
        alias.asname or alias.name.split(".")[0]
        for node in nodes(trees)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _bound(trees: Trees) -> set[str]:
    """Every name that is imported, defined or assigned anywhere."""
    stored = {
        node.id for node in nodes(trees) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return _imported(trees) | _defined(trees) | stored


def _used(trees: Trees) -> set[str]:
    return {node.id for node in nodes(trees) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _calls(trees: Trees) -> set[str]:
    return {last_name(node.func) for node in nodes(trees) if isinstance(node, ast.Call)}
