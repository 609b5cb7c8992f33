"""Names that are used and were never defined or imported."""

from __future__ import annotations

import builtins
import difflib
import re
import sys
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.importing import with_import
from agent.model.builtin.incident import Spot
from agent.model.builtin.repairs.imports import module_of
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, expression
from agent.model.builtin.talk import Asking

UNDEFINED = re.compile(r"^(?:NameError: name|UnboundLocalError: .*variable) '(\w+)'")
_ERRORS = re.compile(r"^(?:exc?|e|err|error|exception)$")
OF_PYTHON = {
    "CancelledError": "asyncio", "Counter": "collections", "Decimal": "decimal",
    "InvalidOperation": "decimal", "JSONDecodeError": "json", "Path": "pathlib",
    "URLError": "urllib.error", "HTTPError": "urllib.error",
    "dataclass": "dataclasses", "date": "datetime", "datetime": "datetime", "defaultdict": "collections",
    "deque": "collections", "field": "dataclasses", "partial": "functools", "suppress": "contextlib",
    "timedelta": "datetime", "timezone": "datetime", "wraps": "functools",
}  # fmt: skip
"""Names that everybody takes from one module of Python."""


def undefined(scene: Scene) -> Asking[list[Candidate]]:
    """A name that is not defined: the import that there is for it, else the name that is meant."""
    match = UNDEFINED.search(scene.trouble.text)
    at = yield from scene.here()
    if match is None or at is None:
        return []
    (spot, source), name = at, match.group(1)
    if _ERRORS.match(name) and (text := _caught(source, spot, name)):
        return [Candidate(f"what is caught has no name {name} here", {spot.path: text}, rank=0, spot=spot)]
    qualified = list(_qualified(source, spot, name))
    lines = [] if qualified else (yield from _imports(scene, spot, source, name))
    found = [
        Candidate(
            f"{name} is used and never imported", {spot.path: with_import(source, line)}, rank=rank, spot=spot
        )
        for rank, line in enumerate(lines)
    ]
    return [*qualified, *found, *_misspelt(source, spot, name)]


def _imports(scene: Scene, spot: Spot, source: Source, name: str) -> Asking[list[str]]:
    """The imports that give a name: Python's own, those that others have, where it is defined."""
    if name in sys.stdlib_module_names and _is_module(source, name):
        return [f"import {name}"]
    root = scene.incident.root.rstrip("/")
    for path in (root, "services", "shared"):
        matches = yield from scene.desk.grep(rf"^from [\w.]+ import .*\b{name}\b", path=path)
        named = (one.text.split()[1] for one in matches if not one.text.endswith("("))
        modules = [one for one in named if _is_open_to(scene, one)]
        if modules:
            return [f"from {module} import {name}" for module in dict.fromkeys(modules)][:2]
    for path in (root, "shared"):
        constant = rf"|^{name}\s*[:=]" if name.isupper() else ""
        matches = yield from scene.desk.grep(rf"^(?:class|def|async def) {name}\b{constant}", path=path)
        paths = [one.path for one in matches if one.path != spot.path and "/tests/" not in one.path]
        if paths:
            return [f"from {module_of(one)} import {name}" for one in dict.fromkeys(paths)][:2]
    known = name in OF_PYTHON and _is_called(source, name)
    return [f"from {OF_PYTHON[name]} import {name}"] if known else []


def _is_open_to(scene: Scene, module: str) -> bool:
    """Whether a module may be imported here: Python's, shared/ or its own, never another service's."""
    own = module_of(scene.incident.root.rstrip("/"))
    top = module.partition(".")[0]
    return top == "shared" or module.startswith(f"{own}.") or top in sys.stdlib_module_names


def _is_module(source: Source, name: str) -> bool:
    """Whether a name is used as a module is: with a dot behind it."""
    uses = [node for node in source.nodes(cst.Name) if node.value == name]
    return all(isinstance(source.parents.get(one), cst.Attribute) for one in uses)


def _is_called(source: Source, name: str) -> bool:
    """Whether a name is used as a class or function is: called, asked for a part, caught; no plain value."""
    kinds = (cst.Call, cst.Attribute, cst.Decorator, cst.Annotation)
    return all(
        isinstance(source.parents.get(one), kinds)
        for one in uses_of(source, name)
        if not _is_caught(source, one)
    )


def _is_caught(source: Source, use: cst.Name) -> bool:
    """Whether a name stands behind `except`."""
    node: cst.CSTNode = use
    for parent in source.above(use):
        if isinstance(parent, cst.ExceptHandler):
            return parent.type is node
        if not isinstance(parent, cst.Element | cst.Tuple):
            return False
        node = parent
    return False


def uses_of(source: Source, name: str) -> list[cst.Name]:
    """A name where it stands for itself: no attribute and no keyword."""
    found = []
    for node in source.nodes(cst.Name):
        parent = source.parents.get(node)
        other = (isinstance(parent, cst.Attribute) and parent.attr is node) or (
            isinstance(parent, cst.Arg) and parent.keyword is node
        )
        if node.value == name and not other:
            found.append(node)
    return found


def _caught(source: Source, spot: Spot, name: str) -> str | None:
    """The file with what a handler caught by the name that its body has for it."""
    use = next((one for one in uses_of(source, name) if source.spanned(one, spot.line)), None)
    handler = source.first(use, cst.ExceptHandler, cst.FunctionDef) if use else None
    if not isinstance(handler, cst.ExceptHandler) or handler.type is None:
        return None
    if handler.name is not None:
        meant = source.code(handler.name.name)
        same = [one for one in uses_of(source, name) if handler in source.above(one)]
        return source.changed({one: expression(meant) for one in same})
    bound = cst.AsName(cst.Name(name))
    return source.changed({handler: lambda node: node.with_changes(name=bound)})


def _qualified(source: Source, spot: Spot, name: str) -> Iterator[Candidate]:
    """A name of a module that the file imports whole: `json.JSONDecodeError`."""
    module = OF_PYTHON.get(name)
    imported = {source.code(one.name) for node in source.nodes(cst.Import) for one in node.names}
    if module in imported and name != module and _is_called(source, name):
        code = f"{module}.{name}"
        text = source.changed({one: expression(code) for one in uses_of(source, name)})
        yield Candidate(f"{name} is {code}, and never imported", {spot.path: text}, rank=0, spot=spot)


def _misspelt(source: Source, spot: Spot, name: str) -> Iterator[Candidate]:
    """A name that is known here and much like it; not where one statement uses both, as two things."""
    uses = uses_of(source, name)
    known = {node.value for node in source.nodes(cst.Name)} - {name}
    errors = {one for one in dir(builtins) if isinstance(getattr(builtins, one), type)}
    for other in difflib.get_close_matches(name, sorted(known | errors), n=1, cutoff=0.85):
        together = any(
            (statement := source.statement_of(use)) is not None
            and any(node.value == other for node in source.nodes(cst.Name, _head(statement)))
            for use in uses
        )
        if not together:
            text = source.changed({use: expression(other) for use in uses})
            yield Candidate(f"{name} is not defined; {other} is meant", {spot.path: text}, rank=2, spot=spot)


def _head(statement: cst.CSTNode) -> cst.CSTNode:
    """A statement, or what stands at the head of a block: what is inside it is other statements."""
    if isinstance(statement, cst.Try):
        return cst.Tuple([cst.Element(one.type) for one in statement.handlers if one.type is not None])
    return statement
