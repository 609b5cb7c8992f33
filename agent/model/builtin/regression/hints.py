"""What a crash says of the values that it met: what was missing, or was of another kind than wanted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from agent.model.builtin.gaps import gaps
from agent.model.builtin.incident import Spot, Trouble
from agent.model.builtin.regression.called import DAY
from agent.model.builtin.regression.needs import TEXT, Need
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.regression.way import lead
from agent.model.builtin.source import Source, arguments, index_of, name_of, text_of

_ZONES = re.compile(r"^TypeError: can't (?:compare|subtract) offset-naive and offset-aware")
_NO_JSON = re.compile(r"^TypeError: Object of type (\w+) is not JSON")
_CHANGED = re.compile(r"^RuntimeError: (\w+) (?:keys )?(?:changed size|changed|mutated) during iteration")
_MIXED = re.compile(
    r"^TypeError: .*(?:'(?P<left>str|int|float)' and '(?:str|int|float)'|can't multiply sequence)"
)
_BAD_TEXT = re.compile(r"^(?:ValueError: (?:could not convert|invalid literal)|JSONDecodeError: )")
_BYTES = re.compile(r"^TypeError: (?:a bytes-like object is required|Strings must be encoded)")
_CANCELLED = re.compile(r"^(?:\w+\.)*CancelledError")
AWARE = "datetime(2026, 3, 2, tzinfo=timezone.utc)"
SLEEPER = "asyncio.create_task(asyncio.sleep(60))"
UNWRITTEN = {
    "datetime": "datetime(2026, 3, 2)", "date": "date(2026, 3, 2)",
    "timedelta": "timedelta(days=1)", "Decimal": 'Decimal("1.5")', "PosixPath": 'Path("x")',
    "UUID": "UUID(int=1)", "coroutine": "",
}  # fmt: skip
"""Values that JSON has no form for, by their type."""


def apply(
    source: Source, reader: Reader, spot: Spot, trouble: Trouble, numbers: Sequence[cst.BaseExpression]
) -> bool:
    """Give the needs of a function the values that its crash tells of; whether something is missing then.

    `numbers` is what the repair makes numbers of: a text was there.
    """
    missing = False
    if _MIXED.search(trouble.text) and any(reader.of(one) is not None for one in numbers):
        _all(map(reader.of, numbers), '"2"')
        return False
    found = [] if _MIXED.search(trouble.text) else gaps(source, spot, trouble)
    for gap in [one for one in found if _is_named(one.subject, trouble)] or found:
        need = reader.of(gap.subject)
        if need is None and gap.kind in ("zero", "index"):
            need = _counted(reader, gap.subject)
        if need is None:
            continue
        _open(need, gap.kind)
        missing = True
        break
    if not missing:
        _typed(source, reader, spot, trouble)
    return missing


def _is_named(subject: cst.BaseExpression, trouble: Trouble) -> bool:
    """Whether a KeyError names the key of an expression."""
    key = text_of(index_of(subject)) if isinstance(subject, cst.Subscript) else None
    return key is not None and repr(key) == trouble.message


def _counted(reader: Reader, subject: cst.BaseExpression) -> Need | None:
    given = arguments(subject) if isinstance(subject, cst.Call) else []
    return reader.of(given[0]) if given else None


def _open(need: Need, kind: str) -> None:
    if kind == "key":
        need.leave_out()
    elif kind == "none":
        need.want("None")
    elif kind == "shape":
        need.want(TEXT)
    elif kind == "index":
        (need.owner or need).empty()
    elif need.item is not None or need.table or need.source is not None:
        need.empty()
    else:
        need.want("0")


def _typed(source: Source, reader: Reader, spot: Spot, trouble: Trouble) -> None:
    """Values of another kind, by what the line does with them."""
    on_line = [node for node in source.every() if source.spanned(node, spot.line)]
    if _ZONES.search(trouble.text):
        _all(_operands(reader, on_line), AWARE, kept=DAY)
    elif match := _NO_JSON.search(trouble.text):
        _unwritten(reader, on_line, UNWRITTEN.get(match[1], ""))
    elif match := _CHANGED.search(trouble.text):
        _several(source, reader, on_line, match[1])
    elif _MIXED.search(trouble.text):
        _all(_operands(reader, on_line, left="'str' and" in trouble.text), '"2"')
    elif _BAD_TEXT.search(trouble.text):
        reads = (one for one in on_line if isinstance(one, cst.Call) and _is_reader(one))
        needs = (reader.of(arguments(one)[0]) for one in reads if arguments(one))
        for need in needs:
            if need is not None:
                need.document = None
                need.want('"{"' if "JSON" in trouble.text else TEXT)
    elif _BYTES.search(trouble.text):
        calls = (one for one in on_line if isinstance(one, cst.Call))
        _all((reader.of(given) for one in calls for given in arguments(one)), TEXT)
    elif _CANCELLED.search(trouble.text):
        awaited = (reader.of(one.expression) for one in on_line if isinstance(one, cst.Await))
        for need in awaited:
            if need is not None:
                need.attributes.clear()
                need.want(SLEEPER)


def _is_reader(call: cst.Call) -> bool:
    return name_of(call.func) in ("int", "float", "loads")


def _all(needs: Iterable[Need | None], code: str, kept: str = "") -> None:
    for need in needs:
        if need is not None and (not need.code or need.code != kept) and not need.attributes:
            need.want(code)


def _operands(reader: Reader, on_line: list[cst.CSTNode], *, left: bool = False) -> Iterator[Need | None]:
    """What is compared or reckoned with: of two sides the last that is given, or the first."""
    for node in on_line:
        if isinstance(node, cst.Call) and name_of(node.func) in ("min", "max"):
            yield next((need for one in reversed(arguments(node)) if (need := reader.of(one))), None)
        if isinstance(node, cst.BinaryOperation):
            found = [reader.of(node.left), reader.of(node.right)]
        elif isinstance(node, cst.Comparison):
            found = [reader.of(node.left), reader.of(node.comparisons[0].comparator)]
        else:
            continue
        yield next((one for one in (found if left else reversed(found)) if one is not None), None)


def _unwritten(reader: Reader, on_line: list[cst.CSTNode], code: str) -> None:
    """One value of what is written as JSON is one that cannot be."""
    calls = (one for one in on_line if isinstance(one, cst.Call) and name_of(one.func) == "dumps")
    for call in calls:
        inside = [
            reader.of(node) for node in reader.source.every(call) if isinstance(node, cst.BaseExpression)
        ]
        leaves = [one for one in inside if one is not None and not one.used]
        for need in leaves[:1]:
            if code:
                need.want(code if len(inside) > 2 and need.owner is not None else f'{{"x": {code}}}')


def _several(source: Source, reader: Reader, on_line: list[cst.CSTNode], kind: str) -> None:
    """A loop over three of what it changes."""
    for node in on_line:
        if isinstance(node, cst.For | cst.CompFor):
            need = reader.of(node.iter)
            if need is not None:
                need.want()
                need.count = 3
                _to_the_change(source, reader, node)
                if kind == "Set":
                    need.table = "set"
                elif need.table in ("", "list"):
                    need.table = "keys"


def _to_the_change(source: Source, reader: Reader, loop: cst.For | cst.CompFor) -> None:
    """Lead to what changes a loop's own table in its body."""
    table = source.code(loop.iter).partition(".items")[0].partition(".values")[0]
    function = source.function_of(loop)
    for node in source.every(loop.body) if isinstance(loop, cst.For) else ():
        changed = (
            node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
        )
        if isinstance(node, cst.Del) and isinstance(node.target, cst.Subscript):
            changed = node.target.value
        if changed is not None and source.code(changed) == table and function is not None:
            lead(source, reader, node, function)
            return
