"""From a crash to the pattern in the code that it came of, so that the same can be found elsewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.triage.shapes import Code, called
from tools.logs import CrashError

Nodes = Sequence[ast.expr]

_NO_NAME = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_NO_ATTRIBUTE = re.compile(r"'?([\w.]+)'? (?:object )?has no attribute '(\w+)'")
_CALL = re.compile(
    r"([\w.]+)\(\) (?:got an unexpected keyword argument '(\w+)'|missing \d+ required|takes .* argument)"
)
_NEVER_AWAITED = re.compile(r"coroutine '([\w.]+)' was never awaited")
_NONE = re.compile(r"'NoneType'")
_CONVERSIONS = {"int", "float", "Decimal", "fromisoformat", "strptime", "fromtimestamp", "loads"}
_EMPTY = {"max", "min", "next", "mean", "median", "choice", "stdev"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """What goes wrong at a place, in words; `word` stands in every file that may have it.

    `is_in` finds it in a node. `step` is the value that it hangs on, and `caught` are the errors that it
    raises: where one is looked at first or the other is caught, there is nothing to report.
    """

    told: str
    word: str
    is_in: Callable[[Code, ast.AST], bool]
    step: str = ""
    caught: frozenset[str] = frozenset()


def pattern_of(error: CrashError, code: Code | None, line: int) -> Pattern | None:
    """The pattern of a crash at a line of the service's own code; None where it has no known one."""
    nodes = tuple(code.at(line)) if code else ()
    for maker in (_missing_name, _missing_module, _missing_key, _wrong_call, _not_awaited):
        if (found := maker(error, nodes)) is not None:
            return found
    if code is None:
        return None
    values = (_missing_attribute, _divided, _converted, _nothing_there, _empty)
    return next((found for maker in values if (found := maker(error, code, nodes)) is not None), None)


def shared_call(function: str, path: str) -> Pattern:
    """A call of a function in shared/ that raised: everyone who calls it is affected."""

    def is_in(code: Code, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and called(node.func) == function

    return Pattern(f"calls {function} of {path}", function, is_in)


def _missing_name(error: CrashError, nodes: Nodes) -> Pattern | None:
    found = _NO_NAME.search(error.message)
    if found is None:
        return None
    name, module = found.groups()

    def is_in(code: Code, node: ast.AST) -> bool:
        wanted = isinstance(node, ast.ImportFrom) and node.module == module
        return wanted and isinstance(node, ast.ImportFrom) and name in {one.name for one in node.names}

    return Pattern(f"imports {name} from {module}", name, is_in, caught=frozenset({"ImportError"}))


def _missing_module(error: CrashError, nodes: Nodes) -> Pattern | None:
    found = _NO_MODULE.search(error.message)
    if found is None or error.name not in ("ModuleNotFoundError", "ImportError"):
        return None
    module = found.group(1)

    def is_in(code: Code, node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom):
            return node.level == 0 and _is_below(node.module or "", module)
        return isinstance(node, ast.Import) and any(_is_below(one.name, module) for one in node.names)

    caught = frozenset({"ImportError", "ModuleNotFoundError"})
    return Pattern(f"imports {module}", module, is_in, caught=caught)


def _is_below(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _missing_key(error: CrashError, nodes: Nodes) -> Pattern | None:
    found = re.fullmatch(r"'([^']{1,80})'", error.message.strip())
    if error.name != "KeyError" or found is None:
        return None
    key = found.group(1)

    def is_in(code: Code, node: ast.AST) -> bool:
        read = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        return read and code.step(node) == f"[{key!r}]"

    caught = frozenset({"KeyError", "LookupError"})
    return Pattern(f"reads the key {key!r} without a default", key, is_in, f"[{key!r}]", caught)


def _wrong_call(error: CrashError, nodes: Nodes) -> Pattern | None:
    """A call that the function's parameters do not take: the same keyword, or as many arguments."""
    found = _CALL.search(error.message)
    if error.name != "TypeError" or found is None:
        return None
    name, keyword = found[1].rpartition(".")[2], found[2]
    calls = [node for node in nodes if isinstance(node, ast.Call) and called(node.func) == name]
    if not calls:
        return None
    form = _form(calls[0])

    def is_in(code: Code, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call) or called(node.func) != name:
            return False
        return keyword in {one.arg for one in node.keywords} if keyword else _form(node) == form

    return Pattern(f"calls {name} with the same arguments", name, is_in, caught=frozenset({"TypeError"}))


def _form(call: ast.Call) -> tuple[int, frozenset[str | None]]:
    return len(call.args), frozenset(one.arg for one in call.keywords)


def _not_awaited(error: CrashError, nodes: Nodes) -> Pattern | None:
    found = _NEVER_AWAITED.search(error.message)
    if found is None:
        return None
    name = found[1].rpartition(".")[2]

    def is_in(code: Code, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and called(node.func) == name and not code.is_awaited(node)

    return Pattern(f"calls {name} without await", name, is_in)


def _missing_attribute(error: CrashError, code: Code, nodes: Nodes) -> Pattern | None:
    """An attribute of nothing, or one that an object of that name does not have."""
    found = _NO_ATTRIBUTE.search(error.message)
    if error.name != "AttributeError" or found is None:
        return None
    kind, name = found.groups()
    owners = [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == name]
    if kind == "NoneType":
        steps = [step for owner in owners if (step := code.step(owner))]
        if not steps:
            return None
        return _taken(f"takes .{name} of", steps[0], "AttributeError", lambda node: _owner(node, name))
    named = [called(owner) for owner in owners if called(owner)]
    if not named:
        return None

    def is_in(other: Code, node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == name and called(node.value) == named[0]

    return Pattern(f"uses .{name} of {named[0]}", name, is_in, caught=frozenset({"AttributeError"}))


def _owner(node: ast.AST, name: str) -> list[ast.expr]:
    return [node.value] if isinstance(node, ast.Attribute) and node.attr == name else []


def _divided(error: CrashError, code: Code, nodes: Nodes) -> Pattern | None:
    if error.name != "ZeroDivisionError":
        return None
    steps = [step for node in nodes for one in _divisors(node) if (step := code.step(one))]
    return _taken("divides by", steps[0], "ZeroDivisionError", _divisors) if steps else None


def _divisors(node: ast.AST) -> list[ast.expr]:
    divides = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod)
    return [node.right] if divides and isinstance(node, ast.BinOp) else []


def _converted(error: CrashError, code: Code, nodes: Nodes) -> Pattern | None:
    """A text that is no number or date, given to what reads one."""
    if error.name not in ("ValueError", "TypeError", "InvalidOperation", "JSONDecodeError"):
        return None
    for node in nodes:
        for argument in _converts(node):
            if isinstance(node, ast.Call) and (step := code.step(argument)):
                return _taken(f"gives {called(node.func)}", step, error.name, _converts)
    return None


def _converts(node: ast.AST) -> list[ast.expr]:
    return node.args[:1] if isinstance(node, ast.Call) and called(node.func) in _CONVERSIONS else []


def _nothing_there(error: CrashError, code: Code, nodes: Nodes) -> Pattern | None:
    """None where a value is counted with, compared, indexed or gone through."""
    if error.name != "TypeError" or not _NONE.search(error.message):
        return None
    steps = [step for node in nodes for one in _operands(node) if (step := code.step(one))]
    return _taken("relies on", steps[0], "TypeError", _operands) if steps else None


def _operands(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, right=right):
            return [right, left]
        case ast.Compare(left=left, ops=ops, comparators=others):
            asks = any(isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq) for op in ops)
            return [] if asks else [left, *others]
        case ast.Subscript(value=value):
            return [value]
    return []


def _empty(error: CrashError, code: Code, nodes: Nodes) -> Pattern | None:
    """The most, the next or the first of nothing."""
    if error.name not in ("ValueError", "IndexError", "StopIteration", "StatisticsError"):
        return None
    steps = [step for node in nodes for one in _members(node) if (step := code.step(one))]
    return _taken("counts on a member of", steps[0], error.name, _members) if steps else None


def _members(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=function, args=[first], keywords=[]) if called(function) in _EMPTY:
            return [first]
        case ast.Subscript(value=value, slice=ast.Constant(value=int()) | ast.UnaryOp()):
            return [value]
    return []


def _taken(told: str, step: str, error: str, values: Callable[[ast.AST], list[ast.expr]]) -> Pattern:
    """A value that is used in the same way: `values` are those that a node uses so."""

    def is_in(code: Code, node: ast.AST) -> bool:
        return any(code.step(value) == step for value in values(node))

    return Pattern(f"{told} {step}", next(_words(step)), is_in, step, frozenset({error}))


def _words(step: str) -> Iterator[str]:
    """The longest word of a step first: what a file is searched for."""
    yield from sorted(re.findall(r"\w+", step), key=len, reverse=True)
