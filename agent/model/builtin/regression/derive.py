"""A regression test out of a crash and its repair: the culprit function is called on what it crashed on.

What the function needs is read of the repaired code, what was missing of the crash. Such a test is tried
before it is offered: one that is green without the repair, or red with it, is left out (see `trial`). There
is none where the function runs tasks of its own, or is nested in one that was not on the way. A task
that is lost has one of its own kind: see `started`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from agent.model.builtin.incident import Incident, Spot, Trouble
from agent.model.builtin.regression.calls import (
    CONSTRUCTOR,
    Target,
    calling,
    patches,
    start,
    target_of,
    write,
)
from agent.model.builtin.regression.claims import CANCELLED, NONE, SOMETHING, kept, results, told
from agent.model.builtin.regression.hints import apply
from agent.model.builtin.regression.imports import Test, import_test, test_path
from agent.model.builtin.regression.mended import (
    converted,
    counterpart,
    function_at,
    is_guarded,
    same_function,
    word,
)
from agent.model.builtin.regression.needs import NUMBER, Need, Unclear
from agent.model.builtin.regression.nested import outermost
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.regression.real import deeper, fed, made_real
from agent.model.builtin.regression.way import lead
from agent.model.builtin.source import Source, Unreadable, parse

_REFUSED = re.compile(r"^TypeError: (?:[\w.]+\.)?(\w+)\(\) (?:got an unexpected|missing|takes|got multiple)")
_HALF = re.compile(r"partially initialized module '([\w.]+)'")
_GIVEN = re.compile(rf"(?<![\w.\"]){re.escape(NUMBER)}(?![\w.])")
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


def with_other_numbers(test: Test) -> list[Test]:
    """The same test on numbers below zero, and on none but zeros; nothing where it gives no number."""
    path, text = test
    given = [_GIVEN.sub(number, text) for number in ("-1.0", "0.0")]
    return [(path, other) for other in given if other != text]


def _circle(trouble: Trouble) -> list[Spot]:
    """The module that a circle of imports begins with: whoever imports it first meets the circle."""
    match = _HALF.search(trouble.message)
    path = f"{match[1].replace('.', '/')}.py" if match else ""
    return [Spot(path, 0, "<module>")] if path.startswith("services/") else []


def _tests(
    incident: Incident, trouble: Trouble, spot: Spot, base: Source, mended: Source, others: Mapping[str, str]
) -> Iterator[Test]:
    function = function_at(base, spot.line)
    if function is None:
        return
    place, outer = outermost(base, trouble, spot, function)
    after = same_function(mended, base, outer)
    if after is None:
        return
    target = target_of(spot.path, mended, after)
    refused, below = _REFUSED.search(trouble.text), deeper(trouble, spot, others)
    way = trouble.spots[trouble.spots.index(spot) + 1 :] if spot in trouble.spots else ()
    real = [*([refused[1]] if refused else []), *(one.function for one in way)]
    reader = start(target, frozenset(real))
    node = _node(base, place, outer)
    lead(base, reader, node, outer)
    within = reader
    if function is not outer:
        within = _within(reader, function)
        lead(base, within, _node(base, spot, function), function)
    missing = apply(base, within, spot, trouble, converted(base, outer, mended, after))
    meant = word(trouble, base, mended)
    statement = base.statement_of(node) or node
    story = Story(
        target,
        reader,
        counterpart(base, statement, outer, mended, after),
        f"{target.name}() ended {incident.service} with {trouble.name.rpartition('.')[2]}.",
        made_real(reader, below) if below is not None else "",
        tuple(fed(below, meant) if below is not None and meant else ()),
    )
    guarded = missing and within is reader and is_guarded(base, spot, trouble, mended, after)
    made = target.kind == CONSTRUCTOR
    path = test_path(incident, f"{target.name.strip('_')}_crash")
    if reader.endless:
        yield path, story.text(CANCELLED)
        return
    for claim in [SOMETHING] if made else results(base, statement, outer, guarded=guarded):
        yield path, story.text(claim)


@dataclass(frozen=True, slots=True)
class Story:
    """What a test tells: `statement` is what crashed, as it is now; `taken` an import, `given` lines."""

    target: Target
    reader: Reader
    statement: cst.CSTNode | None
    title: str
    taken: str
    given: tuple[str, ...]

    def text(self, claim: str) -> str:
        """The file of the test that claims this of the result.

        Raises:
            Unclear: a value that the call needs cannot be made up.
        """
        target, reader = self.target, self.reader
        names = self._names()
        mocks = [one for one in self._told() if id(one[0]) in names and not one[0].code]
        own = reader.known.get(f" {target.given_first}")
        source, statement = target.source, self.statement
        attribute = kept(source, statement, target.given_first) if statement is not None else ""
        roots: list[Need] = [one for one, _, _ in mocks] + ([own] if own is not None and attribute else [])
        call = calling(target, reader, roots)
        silent = claim == NONE and (mocks or attribute)
        lines = [*call.before, *_claimed(call.run, claim, silent=bool(silent))]
        for root, path, what in mocks:
            name = target.variable if root is own else names[id(root)]
            lines.append(f"{'.'.join(filter(None, (name, path, what)))}()")
        if attribute:
            lines.append(f"assert {target.variable}.{attribute}")
        if any("asyncio.create_task(" in one for one in lines):
            lines = _scenario([one.replace(call.run, f"await {call.code}") for one in lines])
        name = f"test_{target.name.strip('_')}_goes_on_where_it_crashed"
        patched = [*self.given, *patches(target, reader, roots)]
        return write(target, self.title, name, patched, lines, self.taken)

    def _names(self) -> dict[int, str]:
        """The variable of each value that has one."""
        names = {id(need): name[1:] for name, need in self.reader.known.items() if name.startswith(" ")}
        return names | {id(need): name for name, need in self.reader.patched.items() if "." not in name}

    def _told(self) -> list[tuple[Need, str, str]]:
        if self.statement is None:
            return []
        return list(told(self.target.source, self.reader, self.statement, self.target.function))


def _within(reader: Reader, function: cst.FunctionDef) -> Reader:
    found = reader.inner.get(function.name.value)
    if found is None:
        raise Unclear("a function inside of another that is not called by its name")
    return found


def _claimed(run: str, claim: str, *, silent: bool) -> list[str]:
    if claim == CANCELLED:
        return ["with pytest.raises(asyncio.CancelledError):", f"    {run}"]
    return [run if silent else f"assert {run} {claim}"]


def _scenario(lines: list[str]) -> list[str]:
    """Lines that need a running loop."""
    return ["async def scenario():", *(f"    {one}" for one in lines), "", "asyncio.run(scenario())"]


def _node(source: Source, spot: Spot, function: cst.FunctionDef) -> cst.CSTNode:
    """What crashed: the first thing that begins on the line, inside the function."""
    kinds = (cst.BaseExpression, cst.BaseSmallStatement)
    on_line = [one for one in source.every(function.body) if source.spanned(one, spot.line)]
    inside = [one for one in on_line if isinstance(one, kinds)]
    begins = [one for one in inside if source.line(one) == spot.line]
    found = begins or inside
    if not found:
        raise Unclear("nothing stands on that line")
    return found[0]
