"""What takes an error and does not raise it again: handlers, blocks that leave, managers, hooks.

Known by what it is, not by what its body does: a call in a handler may well do nothing. Where the base
had the same around the same statements, nothing is new.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from agent.proof.labels.constants import Constants, last_name
from agent.proof.labels.matched import Find, fresh
from agent.proof.labels.sources import Function, Trees, ends, own
from agent.proof.labels.takers import Takers, hooks

_BROAD = frozenset({"Exception", "BaseException"})
_TRIES = (ast.Try, ast.TryStar)


@dataclass(frozen=True, slots=True)
class Taking:
    """A construct that takes errors, with the texts of the statements that it stands around.

    `kinds` are the errors by name; `sure` is False where its body raises some of them again.
    """

    find: Find
    guarded: frozenset[str]
    kinds: frozenset[str]
    sure: bool = True

    @property
    def is_broad(self) -> bool:
        """Whether it takes whatever comes."""
        return not self.kinds or bool(self.kinds & _BROAD)


def swallows(old: Trees, new: Trees) -> list[Taking]:
    """What takes errors in the new trees that went through in the old ones."""
    before, after = _takings(old), _takings(new)
    ran: dict[str, set[str]] = {}
    for place, node in (each for module in old.values() for each in module.placed):
        if _is_plain(node):
            ran.setdefault(place, set()).add(ast.dump(node))
    found = set(fresh([each.find for each in before], [each.find for each in after]))
    return [
        taking
        for taking in after
        if (taking.find in found and not _is_narrower(taking, before))
        or (taking.find not in found and _takes_more(taking, before, ran.get(taking.find.place, set())))
    ]


def _is_narrower(taking: Taking, before: list[Taking]) -> bool:
    """Whether what took all that this one takes stood around all that this one does."""
    return any(
        each.find.place == taking.find.place
        and (each.is_broad or (taking.kinds <= each.kinds and not taking.is_broad))
        and (each.sure or not taking.sure)
        and taking.guarded <= each.guarded
        for each in before
    )


def _takes_more(taking: Taking, before: list[Taking], ran: set[str]) -> bool:
    """Whether statements that the base ran without it stand within it now."""
    had: set[str] = set()
    for each in before:
        if each.find.place == taking.find.place and each.find.what == taking.find.what:
            had |= each.guarded
    return bool((taking.guarded & ran) - had)


def _takings(trees: Trees) -> list[Taking]:
    takers = Takers(trees)
    found: list[Taking] = []
    for module in trees.values():
        constants = module.constants
        for place, node in module.placed:
            if isinstance(node, _TRIES):
                found += _handlers(place, node, constants)
                if _leaves(node.finalbody):
                    found.append(_taking(place, "finally that leaves", node, node.body))
            elif isinstance(node, ast.With | ast.AsyncWith):
                found += [
                    _taking(place, f"with {name}", item.context_expr, node.body)
                    for item in node.items
                    if (name := takers.manager(item.context_expr, constants))
                ]
            elif isinstance(node, Function):
                found += [
                    _taking(place, f"decorated by {name}", each, node.body)
                    for each in node.decorator_list
                    if (name := takers.decorator(each))
                ]
        found += [_taking(place, what, node, []) for place, what, node in hooks(module, takers)]
    return found


def _handlers(place: str, node: ast.Try | ast.TryStar, constants: Constants) -> Iterator[Taking]:
    for handler in node.handlers:
        if ends(handler.body, (ast.Raise,)):
            continue
        kinds = frozenset(_caught(handler.type, constants))
        sure = not any(isinstance(each, ast.Raise) for each in own(handler.body))
        # Where a part is raised again, the conditions say which.
        tests = (
            [] if sure else [ast.dump(each.test) for each in own(handler.body) if isinstance(each, ast.If)]
        )
        what = f"except {sorted(kinds)} {tests}"
        find = Find(place, what, "", ast.dump(handler))
        yield Taking(find, _plain(node.body), kinds, sure)


def _caught(node: ast.expr | None, constants: Constants, depth: int = 0) -> Iterator[str]:
    """The errors that a handler names, through names that are bound once."""
    if node is None or depth > 9:
        yield "BaseException"
    elif isinstance(node, ast.Tuple):
        for each in node.elts:
            yield from _caught(each, constants, depth + 1)
    elif isinstance(node, ast.Starred):
        yield from _caught(node.value, constants, depth + 1)
    elif isinstance(node, ast.Name) and (value := constants.value_of(node.id)) is not None:
        yield from _caught(value, constants, depth + 1)
    else:
        yield last_name(node) or ast.unparse(node)


def _taking(place: str, what: str, node: ast.AST, block: list[ast.stmt]) -> Taking:
    return Taking(Find(place, what, "", f"{what} {ast.dump(node)}"), _plain(block), frozenset({what}))


def _plain(block: list[ast.stmt]) -> frozenset[str]:
    return frozenset(ast.dump(node) for node in own(block) if _is_plain(node))


def _is_plain(node: ast.AST) -> bool:
    """Whether a node is a statement without a block."""
    return isinstance(node, ast.stmt) and not hasattr(node, "body") and not isinstance(node, ast.Pass)


def _leaves(block: list[ast.stmt]) -> bool:
    """Whether a `finally` may leave by a way of its own: the error is gone then."""
    for node in block:
        if isinstance(node, ast.Return | ast.Break | ast.Continue):
            return True
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            if any(isinstance(each, ast.Return) for each in own(node.body)) or _leaves(node.orelse):
                return True
        elif not isinstance(node, Function | ast.ClassDef):
            inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
            inner += [each.body for each in (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))]
            if any(map(_leaves, inner)):
                return True
    return False
