"""What a regression test claims of a function that no longer raises: what it gives back, or else does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from agent.model.builtin.regression.shapes import Shape
from agent.model.builtin.regression.uses import Function

Gives = Literal["something", "none", "effect"]
"""What a function gives back; `effect` where it is another way through it that does."""
_LISTS = frozenset({"list", "sorted"})


def claim(function: Function, me: Shape | None, called: str, owner: str, gives: Gives) -> str:
    """An expression over the `called` function's result, or over `owner`, the object that it belongs to.

    `me` is what its object is like, `gives` what is known of what it gives back on that way.
    """
    returned = [each.value for each in _own(function) if isinstance(each, ast.Return)]
    given = [each for each in returned if each is not None and not _is_none(each)]
    if given and gives == "something":
        return _of_result(function, given[-1], called)
    effect = _effect(function, me, owner) if me is not None and gives != "none" else ""
    return effect or f"{called} is None"


def _of_result(function: Function, given: ast.expr, called: str) -> str:
    if isinstance(given, ast.Name):
        given = next(
            (
                each.value
                for each in _own(function)
                if isinstance(each, ast.Assign) and _binds(each, given.id)
            ),
            given,
        )
    match given:
        case ast.Dict(keys=keys) if keys and all(isinstance(key, ast.Constant) for key in keys):
            names = ", ".join(f'"{key.value!s}"' for key in keys if isinstance(key, ast.Constant))
            return f"list({called}) == [{names}]"
        case ast.Dict() | ast.DictComp():
            return f"isinstance({called}, dict)"
        case ast.List() | ast.ListComp():
            return f"isinstance({called}, list)"
        case ast.Call(func=ast.Name(id=name)) if name in _LISTS:
            return f"isinstance({called}, list)"
        case ast.Tuple(elts=elements):
            return f"len({called}) == {len(elements)}"
    return f"{called} is not None"


def _effect(function: Function, me: Shape, owner: str) -> str:
    """The last that it does: a collaborator is called, or a count of its own goes up."""
    for node in reversed(list(_own(function))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=part), attr=name)
            ):
                if part in me.parts and name in me.parts[part].calls:
                    return f"{owner}.{part}.{name}.called"
            case ast.AugAssign(target=ast.Attribute(value=ast.Name("self"), attr=part), op=ast.Add()):
                if part in me.parts:
                    return f"{owner}.{part} > 1.0"
    return ""


def _own(function: Function) -> Iterator[ast.AST]:
    """Its nodes in the order of the text, without those of functions within."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _binds(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
