"""A regression test out of a crash and its repair: the culprit function is called on what it crashed on.

What the function needs is read of the repaired code, what was missing of the crash. Such a test is tried
before it is offered: one that is green without the repair, or red with it, is left out (see `heal`). There
is none where the function loops until it is cancelled, runs tasks of its own, is an asynchronous generator or
is nested in another, and none for a task that is lost: its crash is raised by nobody before the repair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import libcst as cst

from agent.model.builtin.gaps import gaps
from agent.model.builtin.incident import Incident, Spot, Trouble
from agent.model.builtin.regression.calls import Target, calling, patches, start, target_of, write
from agent.model.builtin.regression.claims import NONE, kept, results, told
from agent.model.builtin.regression.hints import apply
from agent.model.builtin.regression.imports import Test, import_test
from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.regression.real import deeper, fed, made_real
from agent.model.builtin.regression.way import lead
from agent.model.builtin.source import Source, Unreadable, parse, text_of

_REFUSED = re.compile(r"^TypeError: (?:[\w.]+\.)?(\w+)\(\) (?:got an unexpected|missing|takes|got multiple)")
_UNDEFINED = re.compile(r"^(?:NameError: name|UnboundLocalError: .*variable) '(\w+)'")
_HALF = re.compile(r"partially initialized module '([\w.]+)'")
MOST = 2


def derived(
    incident: Incident, trouble: Trouble, spot: Spot, base: Source, mended: str, others: Mapping[str, str]
) -> list[Test]:
    """Tests of the culprit function, the likeliest first; `mended` is its file with the repair.

    `others` are the texts of other files that are known, by path.
    """
    if spot.function == "<module>":
        spots = [*_circle(trouble), spot]
        return [test for one in spots if (test := import_test(incident, one, base)) is not None]
    try:
        return list(_tests(incident, trouble, spot, base, parse(mended), others))[:MOST]
    except (Unclear, Unreadable, RecursionError):
        return []


def _circle(trouble: Trouble) -> list[Spot]:
    """The module that a circle of imports begins with: whoever imports it first meets the circle."""
    match = _HALF.search(trouble.message)
    path = f"{match[1].replace('.', '/')}.py" if match else ""
    return [Spot(path, 0, "<module>")] if path.startswith("services/") else []


def _tests(
    incident: Incident, trouble: Trouble, spot: Spot, base: Source, mended: Source, others: Mapping[str, str]
) -> Iterator[Test]:
    function = _at(base, spot.line)
    after = _same(mended, base, function) if function is not None else None
    if function is None or after is None:
        return
    target = target_of(spot.path, mended, after)
    refused = _REFUSED.search(trouble.text)
    below = deeper(trouble, spot, others)
    real = [refused[1]] if refused else []
    reader = start(target, frozenset([*real, below.name] if below is not None else real))
    node = _node(base, spot, function)
    lead(base, reader, node, function)
    missing = apply(base, reader, spot, trouble)
    taken = made_real(reader, below) if below is not None else ""
    word = _word(trouble, base, mended)
    given = fed(below, word) if below is not None and word else []
    statement = base.statement_of(node) or node
    guarded = missing and _is_guarded(base, spot, trouble, mended, after)
    for claim in results(base, statement, function, guarded=guarded):
        yield _test(incident, trouble, target, reader, base, statement, function, claim, taken, given)


def _test(
    incident: Incident, trouble: Trouble, target: Target, reader: Reader,
    base: Source, statement: cst.CSTNode, function: cst.FunctionDef, claim: str, taken: str, fed: list[str],
) -> Test:  # fmt: skip
    names = {id(need): name[1:] for name, need in reader.known.items() if name.startswith(" ")}
    names |= {id(need): name for name, need in reader.patched.items() if "." not in name}
    mocks = [
        one for one in told(base, reader, statement, function) if id(one[0]) in names and not one[0].code
    ]
    own = reader.known.get(f" {target.bound}") if target.bound else None
    attribute = kept(base, statement, target.bound)
    roots: list[Need] = [root for root, _, _ in mocks] + ([own] if own is not None and attribute else [])
    call = calling(target, reader, roots)
    claims = []
    lines = [call.run] if claim == NONE and (mocks or attribute) else [f"assert {call.run} {claim}"]
    for root, path, what in mocks:
        name = target.variable if root is own else names[id(root)]
        claims.append(f"{'.'.join(filter(None, (name, path, what)))}()")
    if attribute:
        claims.append(f"assert {target.variable}.{attribute}")
    title = f"{target.name}() ended {incident.service} with {trouble.name.rpartition('.')[2]}."
    stem = target.name.strip("_")
    name = f"test_{stem}_goes_on_where_it_crashed"
    body = [*call.before, *lines, *claims]
    if any("asyncio.create_task(" in one for one in body):
        body = [
            "async def scenario():",
            *(f"    {one}" for one in _awaited(body, call.code)),
            "",
            "asyncio.run(scenario())",
        ]
    text = write(target, title, name, [*fed, *patches(target, reader, roots)], body, taken)
    return f"{incident.root}tests/test_{stem}_crash.py", text


def _word(trouble: Trouble, base: Source, mended: Source) -> str:
    """The text that a repair puts in the place of one that the message refuses; empty for none."""
    before, after = ([text_of(node) for node in source.nodes(cst.SimpleString)] for source in (base, mended))
    pairs = zip(before, after, strict=True) if len(before) == len(after) else ()
    changed = {(old, new) for old, new in pairs if old != new}
    old, new = changed.pop() if len(changed) == 1 else (None, None)
    return new if old and new and f"'{old}'" in trouble.message else ""


def _awaited(body: list[str], code: str) -> list[str]:
    return [one.replace(f"asyncio.run({code})", f"await {code}") for one in body]


def _at(source: Source, line: int) -> cst.FunctionDef | None:
    """The innermost function that a line is in."""
    found = [one for one in source.nodes(cst.FunctionDef) if source.spanned(one, line)]
    return found[-1] if found else None


def _same(source: Source, base: Source, function: cst.FunctionDef) -> cst.FunctionDef | None:
    """A function of the base in the mended file."""
    around = base.first(function, cst.ClassDef)
    owner = around.name.value if isinstance(around, cst.ClassDef) else ""
    for one in source.nodes(cst.FunctionDef):
        holder = source.first(one, cst.ClassDef)
        if one.name.value == function.name.value and owner == (
            holder.name.value if isinstance(holder, cst.ClassDef) else ""
        ):
            return one
    return None


def _node(source: Source, spot: Spot, function: cst.FunctionDef) -> cst.CSTNode:
    """What crashed: the first thing that begins on the line, inside the function."""
    inside = [
        one
        for one in source.every(function.body)
        if isinstance(one, cst.BaseExpression | cst.BaseSmallStatement) and source.spanned(one, spot.line)
    ]
    begins = [one for one in inside if source.line(one) == spot.line]
    found = begins or inside
    if not found:
        raise Unclear("nothing stands on that line")
    return found[0]


def _is_guarded(
    base: Source, spot: Spot, trouble: Trouble, mended: Source, function: cst.FunctionDef
) -> bool:
    """Whether the repair leaves the function where the value is missing."""
    before = {base.code(one.test) for one in base.nodes(cst.If)}
    tests = {mended.code(one.test) for one in mended.nodes(cst.If, function)} - before
    return any(gap.absent in tests for gap in gaps(base, spot, trouble))
