"""Imports: a name or module that was renamed, moved or lost."""

from __future__ import annotations

import difflib
import re

import libcst as cst

from agent.model.builtin.definitions import defined, successors
from agent.model.builtin.desk import Absent
from agent.model.builtin.incident import Spot
from agent.model.builtin.regression import import_test
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, before, expression, name_of
from agent.model.builtin.talk import Asking

_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'")

HALF = 0.5


def file_of(module: str) -> str:
    """The file of a dotted module."""
    return module.replace(".", "/") + ".py"


def module_of(path: str) -> str:
    """The dotted module of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def renamed_name(scene: Scene) -> Asking[list[Candidate]]:
    """`cannot import name`: what the module calls it now, or where it went."""
    match = _NAME.search(scene.trouble.message)
    at = yield from scene.here()
    if match is None or at is None or scene.trouble.name != "ImportError":
        return []
    (spot, source), (name, module) = at, match.groups()
    target = yield from scene.source(file_of(module))
    found: list[Candidate] = []
    if target is not None:
        earlier = yield from scene.earlier(file_of(module))
        names = successors(name, defined(target), [defined(one) for one in earlier])
        names += [other for other in _fitting(source, name, target) if other not in names]
        used = {node.value for node in source.nodes(cst.Name)}
        for rank, other in enumerate([one for one in names if one not in used][:3]):
            why = f"{module} has no {name} any more; what it defines instead is {other}"
            text = rename(source, name, other)
            found.append(_importing(scene, spot, why, text, rank))
    moved = yield from _moved(scene, spot, source, name, module)
    return found + moved


def _importing(scene: Scene, spot: Spot, why: str, text: str, rank: int) -> Candidate:
    test = import_test(scene.incident, spot)
    return Candidate(why, {spot.path: text}, rank=rank, spot=spot, test=test)


def rename(source: Source, old: str, new: str) -> str:
    """A file with an imported name, and every use of it, under another name."""
    changes: dict[cst.CSTNode, Change] = {}
    for node in source.nodes(cst.Name):
        parent = source.parents.get(node)
        attribute = isinstance(parent, cst.Attribute) and parent.attr is node
        keyword = isinstance(parent, cst.Arg) and parent.keyword is node
        if node.value == old and not attribute and not keyword:
            changes[node] = expression(new)
    return source.changed(changes)


def _fitting(source: Source, name: str, target: Source) -> list[str]:
    """The one function that can be used as the lost one is; its name or its kind has to speak for it."""
    calls = [
        call for call in source.nodes(cst.Call) if isinstance(call.func, cst.Name) and call.func.value == name
    ]
    used = {node.value for node in source.nodes(cst.Name)}
    functions = [one.node for one in defined(target).values() if isinstance(one.node, cst.FunctionDef)]
    fits = [
        one.name.value
        for one in functions
        if calls and one.name.value not in used and all(_fits(source, call, one, target) for call in calls)
    ]
    if len(fits) != 1:
        return []
    alike = difflib.SequenceMatcher(None, name, fits[0]).ratio() >= HALF
    return fits if alike or all(_is_looped(source, call) for call in calls) else []


def _is_looped(source: Source, call: cst.Call) -> bool:
    """Whether a call stands behind `async for`."""
    parent = source.parents.get(call)
    return isinstance(parent, cst.For) and parent.asynchronous is not None


def _fits(source: Source, call: cst.Call, function: cst.FunctionDef, target: Source) -> bool:
    parameters = function.params.params
    needed = [one for one in parameters if one.default is None]
    parent = source.parents.get(call)
    looped = _is_looped(source, call)
    generates = any(target.nodes(cst.Yield, function.body))
    if generates != looped or (isinstance(parent, cst.Await) and function.asynchronous is None):
        return False
    return len(needed) <= len(call.args) <= len(parameters)


def _moved(scene: Scene, spot: Spot, source: Source, name: str, module: str) -> Asking[list[Candidate]]:
    """The name is defined by another module of the service or of shared/."""
    pattern = rf"^(?:(?:async )?def|class) {name}\b|^{name}\s*[:=]"
    own = yield from scene.desk.grep(pattern, path=scene.incident.root.rstrip("/"))
    shared = yield from scene.desk.grep(pattern, path="shared")
    places = [
        one.path for one in (*own, *shared) if one.path != file_of(module) and "/tests/" not in one.path
    ]
    found = []
    for path in dict.fromkeys(place for place in places if place != spot.path):
        text = _taken_from(source, name, module, module_of(path))
        if text is not None:
            why = f"{name} is defined in {path} and not in {module}"
            found.append(_importing(scene, spot, why, text, 1))
    return found[:2]


def _taken_from(source: Source, name: str, old: str, new: str) -> str | None:
    """The file with one name imported from another module."""
    for node in source.nodes(cst.ImportFrom):
        if isinstance(node.names, cst.ImportStar) or node.module is None or source.code(node.module) != old:
            continue
        taken = next((one for one in node.names if name_of(one.name) == name), None)
        if taken is not None:
            return _without(source, node, taken, new)
    return None


def _without(source: Source, node: cst.ImportFrom, taken: cst.ImportAlias, new: str) -> str | None:
    """One alias taken out of an import, and imported from elsewhere."""
    statement = source.statement_of(node)
    if statement is None or isinstance(node.names, cst.ImportStar):
        return None
    line = f"from {new} import {source.code(taken).rstrip(', ')}\n"
    kept = [one for one in node.names if one is not taken]
    if not kept:
        return source.changed({statement: lambda one: _kept_lines(one, line)})
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return source.changed({node: lambda one: one.with_changes(names=kept), statement: before(line)})


def _kept_lines(old: cst.CSTNode, line: str) -> cst.CSTNode:
    new = cst.parse_statement(line)
    return (
        new.with_changes(leading_lines=old.leading_lines) if isinstance(old, cst.SimpleStatementLine) else new
    )


def lost_module(scene: Scene) -> Asking[list[Candidate]]:
    """`No module named`: restored from history where it was lost, else the module that is meant."""
    match = _MODULE.search(scene.trouble.text)
    at = yield from scene.here()
    if match is None or at is None:
        return []
    spot, source = at
    module = _asked_for(source, spot, match.group(1))
    path = file_of(module)
    found: list[Candidate] = []
    if path.startswith(scene.incident.root) and scene.history:
        read = yield from scene.desk.read(path)
        if isinstance(read, Absent) and read.last_commit:
            why = f"{path} is imported and was deleted; history has it at {read.last_commit}"
            test = import_test(scene.incident, spot)
            found.append(Candidate(why, restores={path: read.last_commit}, rank=0, spot=spot, test=test))
    for rank, other in enumerate(_modules_like(scene, module)):
        text = _imported_as(source, module, other)
        if text is not None:
            why = f"there is no module {module}; {other} is the one that is meant"
            found.append(_importing(scene, spot, why, text, 1 + rank))
    return found


def _asked_for(source: Source, spot: Spot, missing: str) -> str:
    """The whole module that a line imports: the message names only the part that is not there."""
    for node in source.nodes(cst.ImportFrom):
        if node.module is not None and source.spanned(node, spot.line):
            module = source.code(node.module)
            if module.startswith(f"{missing}."):
                return module
    return missing


def _modules_like(scene: Scene, module: str) -> list[str]:
    """Modules of the service by a like name: the same without its package first."""
    modules = [
        module_of(path) for path in scene.incident.files if path.endswith(".py") and "/tests/" not in path
    ]
    ends = [one for one in modules if one.endswith(f".{module}")]
    return list(dict.fromkeys([*ends, *difflib.get_close_matches(module, modules, n=2, cutoff=0.85)]))[:2]


def _imported_as(source: Source, old: str, new: str) -> str | None:
    changes: dict[cst.CSTNode, Change] = {
        node.module: expression(new)
        for node in source.nodes(cst.ImportFrom)
        if node.module is not None and not node.relative and source.code(node.module) == old
    }
    return source.changed(changes) if changes else None
