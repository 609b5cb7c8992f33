"""Modules that import each other."""

from __future__ import annotations

import re

import libcst as cst

from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, before, name_of
from agent.model.builtin.talk import Asking

_CIRCLE = re.compile(r"cannot import name '(\w+)' from partially initialized module '([\w.]+)'")


def circle(scene: Scene) -> Asking[list[Candidate]]:
    """Modules that import each other: the import written last is made where its names are used."""
    culprit, at = scene.incident.culprit, (yield from scene.here())
    if _CIRCLE.search(scene.trouble.message) is None or at is None:
        return []
    inside = [spot for spot in scene.trouble.spots if spot.path.startswith(scene.incident.root)]
    first = [culprit] if culprit is not None and culprit.line and not scene.draft else []
    found: list[Candidate] = []
    for spot in dict.fromkeys([*first, *reversed(inside)]):
        source = yield from scene.source(spot.path)
        text = _inside_functions(source, spot.line) if source else None
        if text is not None:
            why = (
                f"the import at {spot.path}:{spot.line} closes a circle; it is made where its names are used"
            )
            found.append(Candidate(why, {spot.path: text}, rank=len(found), spot=spot))
    return found[:3]


def _inside_functions(source: Source, line: int) -> str | None:
    """The file with one import moved into the functions that use it; None where more than functions do."""
    node = next((one for one in source.nodes(cst.ImportFrom) if source.spanned(one, line)), None)
    statement = source.statement_of(node) if node else None
    if node is None or statement is None or isinstance(node.names, cst.ImportStar):
        return None
    names = {name_of(one.asname.name if one.asname else one.name) for one in node.names}
    users: dict[cst.CSTNode, Change] = {}
    for use in source.nodes(cst.Name):
        if use.value not in names or statement in source.above(use):
            continue
        owners = [one for one in source.above(use) if isinstance(one, cst.FunctionDef)]
        if not owners or owners[-1].body not in source.above(use):
            return None
        users[_first_statement(owners[-1])] = before(f"{source.code(node)}\n")
    return source.changed({**users, statement: lambda _: cst.RemoveFromParent()}) if users else None


def _first_statement(function: cst.FunctionDef) -> cst.CSTNode:
    """The first statement after the docstring."""
    body = list(function.body.body)
    documented = function.get_docstring() is not None and len(body) > 1
    return body[1] if documented else body[0]
