"""Functions inside of another, and lambdas: they are tested by what they stand in, which calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from agent.model.builtin.incident import Spot, Trouble
from agent.model.builtin.regression.mended import function_at
from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.source import Source, name_of

if TYPE_CHECKING:
    from agent.model.builtin.regression.reading import Reader

CALLERS = frozenset({"sorted", "min", "max", "map", "filter"})
"""Python's own functions that call one that they are given, on each of what they run over."""
DEEPEST = 3


def outermost(
    base: Source, trouble: Trouble, spot: Spot, function: cst.FunctionDef
) -> tuple[Spot, cst.FunctionDef]:
    """The function that a nested one stands in, and where it called it; itself where it is not nested.

    Raises:
        Unclear: it was not on the way to the crash.
    """
    around = [one for one in base.above(function) if isinstance(one, cst.FunctionDef | cst.ClassDef)]
    enclosing = [one for one in around if isinstance(one, cst.FunctionDef)]
    if not enclosing:
        return spot, function
    if around[: len(enclosing)] != enclosing:
        raise Unclear("a class inside of a function")
    outer = enclosing[-1]
    before = trouble.spots[: trouble.spots.index(spot)] if spot in trouble.spots else ()
    for one in reversed(before):
        if one.path == spot.path and function_at(base, one.line) is outer:
            return one, outer
    raise Unclear("a function that is called from elsewhere")


def read(reader: Reader, name: str, given: Mapping[str, Need]) -> None:
    """Read a nested function where it is called: it has what is around it, and what it is given."""
    if reader.depth >= DEEPEST or name in reader.inner:
        return
    function = reader.nested[name]
    own = {one.name.value for one in function.params.params}
    around = {key: need for key, need in reader.known.items() if key not in own}
    inner = replace(reader, known={**around, **given}, depth=reader.depth + 1)
    reader.inner[name] = inner
    inner.statement(function.body)


def called_back(reader: Reader, caller: str, node: cst.Call) -> None:
    """What a function that is given to one of `CALLERS` is called on: each of what that runs over."""
    plain = [one.value for one in node.args if one.keyword is None]
    keys = [one.value for one in node.args if name_of(one.keyword) == "key"]
    callback = keys[0] if keys else plain[0] if caller in ("map", "filter") and plain else None
    over = reader.of(plain[-1]) if plain else None
    if callback is None or over is None:
        return
    if isinstance(callback, cst.Lambda) and callback.params.params:
        reader.bind(callback.params.params[0].name, over.each())
        reader.of(callback.body)
    elif (name := name_of(callback)) in reader.nested and reader.nested[name].params.params:
        read(reader, name, {reader.nested[name].params.params[0].name.value: over.each()})
