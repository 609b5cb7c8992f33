"""Names that are used and were never defined or imported."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.incident import Spot
from agent.model.builtin.repairs.imports import module_of
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, before, expression
from agent.model.builtin.talk import Asking

_UNDEFINED = re.compile(r"^(?:NameError: name|UnboundLocalError: .*variable) '(\w+)'")


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
            named = (one.text.split()[1] for one in matches if not one.text.endswith("("))
            modules = [one for one in named if _is_open_to(scene, one)]
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


def _is_open_to(scene: Scene, module: str) -> bool:
    """Whether a module may be imported here: Python's, shared/ or its own, never another service's."""
    own = module_of(scene.incident.root.rstrip("/"))
    top = module.partition(".")[0]
    return top == "shared" or module.startswith(f"{own}.") or top in sys.stdlib_module_names


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
    """A name that is known here and much like it; not where one statement uses both, as two things."""
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
