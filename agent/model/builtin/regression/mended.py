"""The culprit before and after its repair: the same function, the same statement, the word that is meant."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.gaps import gaps
from agent.model.builtin.incident import Spot, Trouble
from agent.model.builtin.source import Source, Unreadable, arguments, name_of, parse, text_of


def function_at(source: Source, line: int) -> cst.FunctionDef | None:
    """The innermost function that a line is in."""
    found = [one for one in source.nodes(cst.FunctionDef) if source.spanned(one, line)]
    return found[-1] if found else None


def same_function(source: Source, base: Source, function: cst.FunctionDef) -> cst.FunctionDef | None:
    """A function of the base in the mended file."""
    owner = _owner(base, function)
    for one in source.nodes(cst.FunctionDef):
        if one.name.value == function.name.value and _owner(source, one) == owner:
            return one
    return None


def is_changed(base: Source, line: int, text: str) -> bool:
    """Whether the function that a line is in is another in the mended text."""
    function = function_at(base, line)
    if function is None:
        return False
    try:
        mended = parse(text)
    except Unreadable:
        return False
    after = same_function(mended, base, function)
    return after is not None and mended.code(after) != base.code(function)


def converted(
    base: Source, function: cst.FunctionDef, mended: Source, after: cst.FunctionDef
) -> list[cst.BaseExpression]:
    """What the repair makes a number of."""
    old = {base.code(one) for one in base.nodes(cst.Call, function)}
    calls = [one for one in mended.nodes(cst.Call, after) if mended.code(one) not in old]
    return [given for one in calls if name_of(one.func) in ("int", "float") for given in arguments(one)]


def _owner(source: Source, function: cst.FunctionDef) -> str:
    around = source.first(function, cst.ClassDef)
    return around.name.value if isinstance(around, cst.ClassDef) else ""


def counterpart(
    base: Source, statement: cst.CSTNode, function: cst.FunctionDef, mended: Source, after: cst.FunctionDef
) -> cst.SimpleStatementLine | None:
    """The statement of the mended function that a plain one of the base is now."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return None
    code = _bare(base, statement)
    old = {_bare(base, one) for one in base.nodes(cst.SimpleStatementLine, function)}
    now = list(mended.nodes(cst.SimpleStatementLine, after))
    same = [one for one in now if _bare(mended, one) == code]
    return next(iter(same or [one for one in now if _bare(mended, one) not in old]), None)


def _bare(source: Source, statement: cst.SimpleStatementLine) -> str:
    return source.code(statement.with_changes(leading_lines=()))


def is_guarded(base: Source, spot: Spot, trouble: Trouble, mended: Source, function: cst.FunctionDef) -> bool:
    """Whether the repair leaves the function where the value is missing."""
    before = {base.code(one.test) for one in base.nodes(cst.If)}
    tests = {mended.code(one.test) for one in mended.nodes(cst.If, function)} - before
    return any(gap.absent in tests for gap in gaps(base, spot, trouble))


def word(trouble: Trouble, base: Source, mended: Source) -> str:
    """The text that a repair puts in the place of one that the message refuses; empty for none."""
    before, after = ([text_of(node) for node in one.nodes(cst.SimpleString)] for one in (base, mended))
    pairs = zip(before, after, strict=True) if len(before) == len(after) else ()
    changed = {(old, new) for old, new in pairs if old != new}
    old, new = changed.pop() if len(changed) == 1 else (None, None)
    return new if old and new and f"'{old}'" in trouble.message else ""
