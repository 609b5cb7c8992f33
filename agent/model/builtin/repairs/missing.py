"""None, a missing key or index, a divisor of zero: mended at its source, else guarded at its use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from agent.model.builtin.gaps import Gap, gaps
from agent.model.builtin.incident import Spot
from agent.model.builtin.regression import gap_test
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import (
    COMPREHENSIONS,
    LOOPS,
    Change,
    Source,
    after,
    arguments,
    before,
    expression,
    index_of,
    name_of,
    text_of,
)
from agent.model.builtin.talk import Asking

WIDTH = 110
EMPTY = {"get": "{}", "items": "{}", "keys": "{}", "values": "{}"}
CONFIGURATION = ("config", "environ", "env", "settings", "truth")


def missing(scene: Scene) -> Asking[list[Candidate]]:
    """Candidates for a value that is not there."""
    at = yield from scene.here()
    if at is None:
        return []
    spot, source = at
    found: list[Candidate] = []
    for gap in gaps(source, spot, scene.trouble):
        if gap.kind == "key" and (_is_configuration(gap) or not (yield from _is_known(scene, gap))):
            continue
        found += [*_at_its_source(source, gap, spot), *_filtered(source, gap, spot)]
        test = gap_test(scene.incident, spot, source, gap)
        found += (replace(one, test=test) for one in _guarded(source, gap, spot))
    return found


def _is_configuration(gap: Gap) -> bool:
    """A setting that is missing is Truth's fault: no value is made up for it."""
    base = gap.subject.value if isinstance(gap.subject, cst.Subscript) else None
    return name_of(base).lower().lstrip("_").endswith(CONFIGURATION)


def _is_known(scene: Scene, gap: Gap) -> Asking[bool]:
    """Whether the key of a gap is one that others name as well."""
    key = text_of(index_of(gap.subject)) if isinstance(gap.subject, cst.Subscript) else None
    if key is None:
        return False
    return (yield from scene.is_known(key))


def _offer(
    source: Source, spot: Spot, why: str, changes: dict[cst.CSTNode, Change], rank: int, *, hides: bool = True
) -> Candidate:
    return Candidate(why, {spot.path: source.changed(changes)}, rank=rank, hides=hides, spot=spot)


def _at_its_source(source: Source, gap: Gap, spot: Spot) -> Iterator[Candidate]:
    """`x.get(key, {})` gives None where the key holds null: `x.get(key) or {}` does not."""
    if gap.kind != "none":
        return
    value = assigned(source, gap.subject) if isinstance(gap.subject, cst.Name) else gap.subject
    if value is None:
        return
    given = arguments(value) if isinstance(value, cst.Call) and name_of(value.func) == "get" else []
    wrap = value is gap.subject
    if len(given) == 2 and isinstance(value, cst.Call) and _is_empty(given[1]):
        read = f"{source.code(value.func)}({source.code(given[0])}) or {source.code(given[1])}"
        why = f"{source.code(value)} is None where the key holds null: its default has to hold then, too"
        yield _offer(source, spot, why, {value: expression(f"({read})" if wrap else read)}, 1, hides=False)
        return
    empty = _empty_for(gap)
    if empty and f" or {empty}" in source.text and isinstance(value, cst.Call | cst.Subscript | cst.Await):
        read = f"{source.code(value)} or {empty}"
        why = f"{source.code(value)} may be None; elsewhere in this file such a value counts as empty"
        yield _offer(source, spot, why, {value: expression(f"({read})" if wrap else read)}, 2)


def assigned(source: Source, name: cst.CSTNode) -> cst.BaseExpression | None:
    """What a local name was last given before its use, in a plain assignment."""
    function = source.function_of(name)
    if function is None or not isinstance(name, cst.Name):
        return None
    found = None
    for one in source.nodes(cst.Assign, function.body):
        targets = [target.target for target in one.targets]
        same = len(targets) == 1 and isinstance(targets[0], cst.Name) and targets[0].value == name.value
        if same and source.line(one) < source.line(name):
            found = one.value
    return found


def _is_empty(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Dict | cst.List | cst.Tuple):
        return not node.elements
    return isinstance(node, cst.SimpleString) and node.evaluated_value == ""


def _empty_for(gap: Gap) -> str | None:
    if isinstance(gap.user, cst.Attribute):
        return EMPTY.get(gap.user.attr.value)
    return "[]" if isinstance(gap.user, cst.For | cst.CompFor | cst.BaseComp) else None


def _filtered(source: Source, gap: Gap, spot: Spot) -> Iterator[Candidate]:
    """A comprehension that meets a None among its items leaves it out, and so does what counts the items."""
    inside = source.first(gap.subject, *COMPREHENSIONS)
    if not isinstance(inside, COMPREHENSIONS) or gap.kind == "zero":
        return
    loop = inside.for_in
    names = {one.value for one in source.nodes(cst.Name, loop.target)}
    if not names & {one.value for one in source.nodes(cst.Name, gap.subject)}:
        return
    why = f"items without {source.code(gap.subject)} are left out"
    made = _assignment(source, loop.iter)
    if made is not None and isinstance(gap.subject, cst.Name) and isinstance(loop.target, cst.Name):
        kept, item = source.code(loop.iter), loop.target.value
        line = f"{kept} = [{item} for {item} in {kept} if {gap.present}]\n"
        yield _offer(source, spot, why, {made: after(line)}, 2)
    condition = cst.CompIf(cst.parse_expression(gap.present))
    yield _offer(
        source, spot, why,
        {loop: lambda node: node.with_changes(ifs=[condition, *loop.ifs])}, 3,
    )  # fmt: skip


def _assignment(source: Source, name: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """The statement that makes a local list by a comprehension."""
    value = assigned(source, name)
    statement = source.statement_of(value) if isinstance(value, cst.ListComp) else None
    return statement if isinstance(statement, cst.SimpleStatementLine) else None


def _guarded(source: Source, gap: Gap, spot: Spot) -> Iterator[Candidate]:
    """Where the value is used: no result without it, in the manner of the code around."""
    if source.first(gap.subject, *COMPREHENSIONS, cst.Lambda) is not None:
        return
    statement = source.statement_of(gap.subject)
    slot = _slot(source, gap.user)
    if slot is not None:
        yield from _conditional(source, gap, spot, slot)
        return
    if statement is None or not isinstance(source.parents.get(statement), cst.IndentedBlock | cst.Module):
        return
    why = f"{source.code(gap.subject)} may be missing: "
    for leaving, told, rank in ways_out(source, statement):
        code = f"if {gap.absent}:\n    {leaving}\n"
        yield _offer(source, spot, why + told, {statement: before(code)}, rank)


def _slot(source: Source, user: cst.CSTNode) -> cst.BaseExpression | None:
    """The value of a document or tuple that an expression is part of: None is a proper value there."""
    node = user
    for parent in source.above(user):
        if isinstance(parent, cst.DictElement) and parent.value is node:
            return parent.value
        if isinstance(parent, cst.Element) and isinstance(source.parents.get(parent), cst.Tuple):
            holder = source.parents.get(source.parents[parent])
            return parent.value if isinstance(holder, cst.Return) else None
        if isinstance(parent, cst.BaseSmallStatement | cst.BaseCompoundStatement | cst.BaseSuite):
            return None
        node = parent
    return None


def _conditional(source: Source, gap: Gap, spot: Spot, slot: cst.BaseExpression) -> Iterator[Candidate]:
    code, why = source.code(slot), f"{source.code(gap.subject)} may be missing: the value is None then"
    if gap.kind == "key" and slot is gap.subject:
        read = gap.present.removesuffix(" is not None")
        yield _offer(source, spot, why, {slot: expression(read)}, 3)
        return
    if isinstance(slot, cst.IfExp | cst.Lambda | cst.NamedExpr) and not slot.lpar:
        code = f"({code})"
    text = f"{code} if {gap.present} else None"
    if len(source.written(source.line(slot))) + len(text) - len(code) > WIDTH:
        text = _in_lines(source, slot, (code, f"if {gap.present}", "else None"))
    elif isinstance(source.parents.get(slot), cst.Element):
        text = f"({text})"
    yield _offer(source, spot, why, {slot: expression(text)}, 3)


def _in_lines(source: Source, node: cst.CSTNode, parts: tuple[str, ...]) -> str:
    """An expression over several lines in brackets; libcst adds the indent of the block by itself."""
    written, statement = source.written(source.line(node)), source.statement_of(node)
    block = source.places[statement].start.column if statement is not None else 0
    indent = " " * (len(written) - len(written.lstrip()) - block)
    return "(\n" + "".join(f"{indent}    {part}\n" for part in parts) + f"{indent})"


def ways_out(source: Source, statement: cst.CSTNode) -> list[tuple[str, str, int]]:
    """How code may leave before a statement: as the code around does, or with None for a result."""
    function = source.function_of(statement)
    if function is None:
        return []
    loop = source.first(statement, *LOOPS, cst.FunctionDef)
    ways = []
    if isinstance(loop, LOOPS) and any(_guards(source, loop, cst.Continue)):
        ways.append(("continue", "such an item is passed over, as others are in this loop", 3))
    returns = list(_guards(source, function, cst.Return))
    bare = any(isinstance(one, cst.Return) and one.value is None for one in returns)
    nothing = any(isinstance(one, cst.Return) and name_of(one.value) == "None" for one in returns)
    if nothing or bare:
        ways.append(
            ("return None" if nothing else "return", "there is no result then, as where other input lacks", 3)
        )
    elif _returns(statement) and not isinstance(loop, LOOPS):
        ways.append(("return None", "there is no result then", 4))
    return ways


def _guards(source: Source, within: cst.CSTNode, kind: type[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """Early ways out below an if, of this loop or function and not of one inside it."""
    for one in source.nodes(kind, within):
        owner = (
            source.first(one, type(within)) if not isinstance(within, LOOPS) else source.first(one, *LOOPS)
        )
        if owner is within and source.first(one, cst.If, type(within)) is not within:
            yield one


def _returns(statement: cst.CSTNode) -> bool:
    """Whether a statement gives a result back."""
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(part, cst.Return) and part.value is not None for part in statement.body
    )
