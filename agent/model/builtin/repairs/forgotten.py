"""A name that the file had and has no more: under its new name, else brought back."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.definitions import defined, successors
from agent.model.builtin.importing import with_import
from agent.model.builtin.repairs.undefined import UNDEFINED, uses_of
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, before, expression, name_of
from agent.model.builtin.talk import Asking


def forgotten_name(scene: Scene) -> Asking[list[Candidate]]:
    """An undefined name that an earlier version of the file defined or imported."""
    match, at = UNDEFINED.search(scene.trouble.text), (yield from scene.here())
    if match is None or at is None:
        return []
    (spot, source), name = at, match.group(1)
    earlier = yield from scene.earlier(spot.path)
    for old in reversed(earlier):
        line = _imported(old, name)
        if line is not None:
            why = f"{name} was imported by `{line}` before, and is still used"
            return [Candidate(why, {spot.path: with_import(source, line)}, rank=0, spot=spot)]
        known = defined(old)
        if name not in known:
            continue
        now = defined(source)
        fresh = {one: definition for one, definition in now.items() if one not in known}
        for other in successors(name, fresh, [known])[:1]:
            text = source.changed({use: expression(other) for use in uses_of(source, name)})
            why = f"{name} is called {other} since a change of {spot.path}, and is still used here"
            return [Candidate(why, {spot.path: text}, rank=0, spot=spot)]
        place = _first_use(source)
        if isinstance(known[name].node, cst.Assign | cst.AnnAssign) and place is not None:
            text = source.changed({place: before(f"{known[name].code}\n")})
            why = f"{name} was defined in {spot.path} before, and is still used"
            return [Candidate(why, {spot.path: text}, rank=1, spot=spot)]
    return []


def _imported(source: Source, name: str) -> str | None:
    """The import of one name, as a line of its own."""
    for node in source.module.body:
        for part in node.body if isinstance(node, cst.SimpleStatementLine) else ():
            if not isinstance(part, cst.Import | cst.ImportFrom) or isinstance(part.names, cst.ImportStar):
                continue
            for one in part.names:
                bound = name_of(one.asname.name) if one.asname else source.code(one.name).partition(".")[0]
                if bound == name:
                    code = source.code(one).rstrip(", ")
                    origin = part.module if isinstance(part, cst.ImportFrom) else None
                    return f"from {source.code(origin)} import {code}" if origin else f"import {code}"
    return None


def _first_use(source: Source) -> cst.CSTNode | None:
    """The first statement of a file that is no import, docstring or constant: definitions stand above it."""
    for place, node in enumerate(source.module.body):
        if isinstance(node, cst.BaseCompoundStatement):
            return node
        if place and not isinstance(node.body[0], cst.Import | cst.ImportFrom | cst.Assign | cst.AnnAssign):
            return node
    return None
