"""What calls give: methods of tables and texts, stand-ins, Python's own functions, the file's own."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from agent.model.builtin.regression import nested
from agent.model.builtin.regression.concurrent import is_outside, is_runner, run
from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.source import name_of, text_of

if TYPE_CHECKING:
    from agent.model.builtin.regression.reading import Reader

DEEPEST = 3
TEXT_METHODS = frozenset(
    {
        *(
            "capitalize",
            "casefold",
            "encode",
            "endswith",
            "find",
            "isdigit",
            "join",
            "ljust",
            "lower",
            "lstrip",
        ),
        *("partition", "removeprefix", "removesuffix", "replace", "rpartition", "rsplit", "rstrip", "split"),
        *("splitlines", "startswith", "strip", "title", "upper", "zfill"),
    }
)
LIST_METHODS = frozenset(("append", "appendleft", "extend", "insert", "popleft", "sort", "reverse"))
SET_METHODS = frozenset(("add", "discard"))
EITHER_METHODS = frozenset(("clear", "copy", "pop", "remove", "update"))
TABLE_METHODS = frozenset(("items", "values", "keys", "setdefault", "popitem"))
SAME = frozenset(("sorted", "list", "set", "tuple", "reversed", "iter", "next", "frozenset"))
_WHOLE = SAME - {"next", "iter"}
AWAITING = frozenset(("asyncio.wait_for", "asyncio.shield"))
DAY = '"2026-03-02T10:00:00+00:00"'


def called(reader: Reader, node: cst.Call, *, awaited: bool) -> Need | None:
    """What a call gives. Its arguments are read as well."""
    if reader.tasks is not None and is_runner(reader, node):
        run(reader, node)
        return None
    given = [_argument(reader, node, one) for one in node.args]
    if isinstance(node.func, cst.Attribute):
        if node.func.attr.value == "join":
            spread(given[0] if given else None, keyed=False)
        owner = reader.of(node.func.value)
        if owner is None:
            return _of_module(reader, node, given, awaited=awaited)
        return _method(reader, owner, node.func.attr.value, node, given, awaited=awaited)
    name = name_of(node.func)
    if name in reader.known:
        return reader.known[name].called(awaited=awaited)
    return _function(reader, name, node, given, awaited=awaited)


def _argument(reader: Reader, node: cst.Call, argument: cst.Arg) -> Need | None:
    """What an argument reads: with a star several of them, and what is awaited by the callee is awaited."""
    if argument.star:
        spread(reader.of(argument.value), keyed=argument.star == "**")
        return None
    if reader.source.code(node.func) in AWAITING and isinstance(argument.value, cst.Call):
        return called(reader, argument.value, awaited=True)
    return reader.of(argument.value)


def spread(need: Need | None, *, keyed: bool) -> None:
    """`*rows` and `**row`: a table, of which nothing more is known."""
    if need is not None and not need.text and not need.attributes:
        need.used, need.table = True, need.table or ("keys" if keyed else "list")


def _method(
    reader: Reader, owner: Need, name: str, node: cst.Call, given: Sequence[Need | None], *, awaited: bool
) -> Need | None:
    """A method of a table, a list or a text; else of a stand-in."""
    key = text_of(node.args[0].value) if node.args else None
    if awaited or owner.attributes:
        return owner.attribute(name).called(awaited=awaited)
    if name in ("get", "pop", "setdefault") and key is not None:
        return owner.key(key, asked=True)
    if name in TEXT_METHODS:
        owner.text = True
        return Need("text", source=owner, text=True)
    if name in TABLE_METHODS:
        owner.used, owner.table = True, name if name in ("items", "values", "keys") else "keys"
        return _paired(owner) if name == "items" else owner
    if name in LIST_METHODS or name in SET_METHODS or (name in EITHER_METHODS and owner.table):
        owner.used, owner.table = True, owner.table or ("set" if name in SET_METHODS else "list")
        return owner.each() if name.startswith("pop") else None
    if name == "get" and reader.word and not awaited:
        return owner.key(reader.word)
    if name == "get" and owner.table:
        return Need("held", source=owner)
    return owner.attribute(name).called()


def _paired(owner: Need) -> Need:
    item = owner.each("items")
    if not item.parts:
        item.parts = [Need("name", item, text=True), Need("held", item)]
    return owner


def _of_module(reader: Reader, node: cst.Call, given: Sequence[Need | None], *, awaited: bool) -> Need | None:
    """A function of a module that is imported whole, or of a class."""
    code, first = reader.source.code(node.func), given[0] if given else None
    if code == "json.loads" and first is not None:
        return first.read()
    if code == "asyncio.sleep" and first is not None:
        first.code = "0"
    if code.endswith(".fromisoformat") and first is not None and not first.used:
        first.code = first.code or (DAY[:11] + '"' if code.startswith("date.") else DAY)
    if code.startswith("hashlib.") and first is not None and not first.used:
        first.text = True
    if is_runner(reader, node):
        raise Unclear("tasks of its own")
    if reader.tasks is not None and is_outside(reader, node.func):
        return reader.patched.setdefault(code, Need(code)).called(awaited=awaited)
    return given[0] if code in AWAITING and given else None


def _function(
    reader: Reader, name: str, node: cst.Call, given: Sequence[Need | None], *, awaited: bool
) -> Need | None:
    """A function by its name: Python's own, the file's own, or one that is imported."""
    first = given[0] if given else None
    if name in nested.CALLERS:
        nested.called_back(reader, name, node)
    if name in reader.nested:
        nested.read(reader, name, _by_place(reader.nested[name], node, given))
        return None
    if name in SAME or name in ("float", "int", "abs", "round"):
        if name in _WHOLE:
            spread(first, keyed=False)
        return first
    if name == "enumerate" and first is not None:
        return Need("made", source=first, item=Need("pair", parts=[Need(), first.each()]))
    if name == "len" and first is not None and not first.text:
        first.used, first.table = True, first.table or "list"
    if name in ("min", "max", "sum") and first is not None and len(given) == 1:
        first.each()
    if name == "str" and first is not None:
        return Need("text", source=first, text=True)
    own = next((one for one in reader.source.module.body if _is_function(one, name)), None)
    if isinstance(own, cst.FunctionDef):
        return _followed(reader, own, node, given)
    if _is_given(reader, name) and name not in reader.real:
        return reader.patched.setdefault(name, Need(name)).called(awaited=awaited)
    return None


def _is_given(reader: Reader, name: str) -> bool:
    """Whether a function of another file of the project has this name here.

    Classes are taken as they are, but for a function that starts tasks: what it runs is not to run in a test.
    """
    for node in reader.source.nodes(cst.ImportFrom):
        if isinstance(node.names, cst.ImportStar):
            continue
        module = reader.source.code(node.module) if node.module is not None else ""
        names = [name_of(one.asname.name if one.asname else one.name) for one in node.names]
        plain = name.islower() or reader.tasks is not None
        if name in names and plain and not hasattr(builtins, name):
            return module.partition(".")[0] not in sys.stdlib_module_names
    return False


def _followed(
    reader: Reader, function: cst.FunctionDef, node: cst.Call, given: Sequence[Need | None]
) -> Need | None:
    """A function of the same file: what it reads of its parameters is read of the arguments."""
    if reader.depth >= DEEPEST:
        return None
    inner = replace(reader, known=_by_place(function, node, given), depth=reader.depth + 1)
    inner.statement(function.body)
    return None


def _by_place(function: cst.FunctionDef, node: cst.Call, given: Sequence[Need | None]) -> dict[str, Need]:
    """What a call gives to the parameters of a function."""
    names = [one.name.value for one in function.params.params]
    by_place = {
        name_of(arg.keyword) or (names[place] if place < len(names) else ""): need
        for place, (arg, need) in enumerate(zip(node.args, given, strict=True))
    }
    return {name: need for name, need in by_place.items() if need is not None}


def _is_function(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.FunctionDef) and node.name.value == name
