"""Imports: a name or module that was renamed, moved, lost, never imported, or asked for in a circle."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.definitions import defined, successors
from agent.model.builtin.desk import Absent
from agent.model.builtin.incident import Spot
from agent.model.builtin.regression import import_test
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, before, expression, name_of
from agent.model.builtin.talk import Asking

_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_CIRCLE = re.compile(r"cannot import name '(\w+)' from partially initialized module '([\w.]+)'")
_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'")
_UNDEFINED = re.compile(r"^(?:NameError: name|UnboundLocalError: .*variable) '(\w+)'")


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
    """Functions of a module that can be used as the lost one is: as many arguments, and as asynchronous."""
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
    return fits if len(fits) == 1 else []


def _fits(source: Source, call: cst.Call, function: cst.FunctionDef, target: Source) -> bool:
    parameters = function.params.params
    needed = [one for one in parameters if one.default is None]
    parent = source.parents.get(call)
    looped = isinstance(parent, cst.For) and parent.asynchronous is not None
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
    (spot, source), module = at, match.group(1)
    path = file_of(module)
    found: list[Candidate] = []
    if path.startswith(scene.incident.root):
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


def undefined(scene: Scene) -> Asking[list[Candidate]]:
    """A name that is not defined: the import that others have for it, else the name that is meant."""
    match = _UNDEFINED.search(scene.trouble.text)
    at = yield from scene.here()
    if match is None or at is None:
        return []
    (spot, source), name = at, match.group(1)
    lines = [f"import {name}"] if name in sys.stdlib_module_names and _is_module(source, name) else []
    for path in (scene.incident.root.rstrip("/"), "services", "shared"):
        if not lines:
            matches = yield from scene.desk.grep(rf"^from [\w.]+ import .*\b{name}\b", path=path)
            modules = (one.text.split()[1] for one in matches if not one.text.endswith("("))
            lines = [f"from {module} import {name}" for module in dict.fromkeys(modules)][:2]
    found = [
        Candidate(
            f"{name} is used and never imported",
            {spot.path: _with_import(source, line)},
            rank=rank,
            spot=spot,
        )
        for rank, line in enumerate(lines)
    ]
    return [*found, *_misspelt(source, spot, name)]


def _is_module(source: Source, name: str) -> bool:
    """Whether a name is used as a module is: with a dot behind it."""
    uses = [node for node in source.nodes(cst.Name) if node.value == name]
    return all(isinstance(source.parents.get(one), cst.Attribute) for one in uses)


def _with_import(source: Source, line: str) -> str:
    """The file with one more import, in its place by the alphabet where there are imports."""
    imports = [
        one
        for one in source.module.body
        if isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Import | cst.ImportFrom)
        and source.code(one) != "from __future__ import annotations"
    ]  # fmt: skip
    plain = line.startswith("import ")
    like = [one for one in imports if source.code(one).startswith("import ") == plain]
    later = next((one for one in like if source.code(one) > line), None)
    if later is not None:
        return source.changed({later: before(f"{line}\n")})
    if like:
        return source.changed({like[-1]: lambda node: _followed(node, line)})
    documented = source.module.get_docstring() is not None
    rest = source.module.body[1:] if documented else source.module.body
    return source.changed({rest[0]: before(f"{line}\n\n")}) if rest else source.text


def _followed(node: cst.CSTNode, line: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    assert isinstance(node, cst.BaseStatement)
    return cst.FlattenSentinel([node, cst.parse_statement(f"{line}\n")])


def _misspelt(source: Source, spot: Spot, name: str) -> Iterator[Candidate]:
    """A name that is known here and much like it, unless both stand in one statement: then they are two things."""
    uses = [node for node in source.nodes(cst.Name) if node.value == name]
    known = {node.value for node in source.nodes(cst.Name)} - {name}
    for other in difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.85):
        together = any(
            (statement := source.statement_of(use)) is not None
            and any(node.value == other for node in source.nodes(cst.Name, statement))
            for use in uses
        )
        if not together:
            text = source.changed({use: expression(other) for use in uses})
            yield Candidate(f"{name} is not defined; {other} is meant", {spot.path: text}, rank=2, spot=spot)
