"""The function that crashed is called with an example of what it uses: as the crash had it, and no more."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.model.builtin.gaps import gaps
from agent.model.builtin.incident import Incident, Spot, Trouble
from agent.model.builtin.regression.claims import Gives, claim
from agent.model.builtin.regression.shapes import Gone, Shape, Unclear, example, fields
from agent.model.builtin.regression.uses import Function, Place, Uses
from agent.model.builtin.regression.values import Test, import_test
from agent.model.builtin.source import Source, Unreadable, parse

_GONE: Mapping[str, Gone] = {"none": "none", "key": "key", "index": "empty", "zero": "zero"}
WIDEST = 96
_PLAIN = {"bool": "True", "dict": "{}", "float": "1.0", "int": "1", "list": "[]", "str": '"a"'}
_IMPORTS = (
    ("asyncio.", "import asyncio"),
    ("json.", "import json"),
    ("SimpleNamespace(", "from types import SimpleNamespace"),
)


@dataclass(frozen=True, slots=True)
class Method:
    """A function with the class that it stands in, and what else its file defines."""

    function: Function
    owner: ast.ClassDef | None
    functions: Mapping[str, Function]

    @property
    def own(self) -> dict[str, Function]:
        """The functions of its class."""
        return (
            {each.name: each for each in self.owner.body if isinstance(each, Function)} if self.owner else {}
        )

    @property
    def decorators(self) -> list[str]:
        return [ast.unparse(each) for each in self.function.decorator_list]

    def given(self) -> list[str]:
        """The names of its parameters; its object is none."""
        names = [each.arg for each in (*self.function.args.posonlyargs, *self.function.args.args)]
        return names[1:] if self.owner is not None and "staticmethod" not in self.decorators else names


def call_test(incident: Incident, trouble: Trouble, before: str, after: str) -> Test | None:
    """A test that fails on `before` as it crashed there, and passes on `after`; None where none follows."""
    spot = trouble.own(incident.service)
    if spot is None or not spot.path.endswith(".py") or spot.path.endswith("/main.py"):
        return None
    if spot.function == "<module>":
        return import_test(incident, spot)
    try:
        source, old, new = parse(before), ast.parse(before), ast.parse(after)
        was = _method(old, spot)
        now = _named(new, was) if was is not None else None
        if was is None or now is None or set(was.decorators) - {"property", "staticmethod"}:
            return None
        return _written(incident, spot, was, now, _place(source, spot, trouble))
    except (Unreadable, Unclear, SyntaxError, ValueError, RecursionError):
        return None


def _written(incident: Incident, spot: Spot, was: Method, now: Method, place: Place) -> Test:
    shapes = {name: Shape() for name in was.given()}
    me = Shape("thing") if was.owner is not None and "staticmethod" not in was.decorators else None
    given = {**shapes, "self": me} if me is not None else shapes
    Uses(now.functions, now.own, Place(0)).read(now.function, given)
    Uses(was.functions, was.own, place).read(was.function, given)
    name = was.function.name
    thing = _snake(was.owner.name) if was.owner is not None else ""
    called = f"{thing}.{name}" if me is not None else f"{was.owner.name}.{name}" if was.owner else name
    if "property" not in was.decorators:
        called += f"({', '.join(shapes)})"
    if isinstance(was.function, ast.AsyncFunctionDef):
        called = f"asyncio.run({called})"
    made = list(_object(was.owner, thing, me)) if was.owner is not None and me is not None else []
    gives: Gives = "effect" if _is_handled(was.function, spot.line) else "something"
    if place.gone and _guards(now.function) > _guards(was.function):
        gives = "none"
    claimed = claim(now.function, me, called, thing, gives)
    made += [f"{given} = {example(shape)}" for given, shape in shapes.items()]
    body = [*map(_wrapped, made), *([called] if called not in claimed else []), f"assert {claimed}"]
    test = f"test_{name.strip('_')}_gets_through{'_without_its_value' if place.gone else ''}"
    text = textwrap.indent("\n".join(body), "    ")
    whole = f"{_head(spot, was, text)}\n\n\ndef {test}():\n{text}\n"
    return f"{incident.root}tests/test_{name.strip('_')}_gets_through.py", whole


def _head(spot: Spot, method: Method, body: str) -> str:
    module = spot.path.removesuffix(".py").replace("/", ".")
    lines = [line for word, line in _IMPORTS if word in body]
    mocks = [name for name in ("AsyncMock", "Mock") if re.search(rf"\b{name}\(", body)]
    lines += [f"from unittest.mock import {', '.join(mocks)}"] if mocks else []
    name = method.owner.name if method.owner is not None else method.function.name
    own = f"from {module} import {name}"
    return "\n".join([*lines, "", own] if lines else [own])


def _object(owner: ast.ClassDef, thing: str, me: Shape) -> Iterator[str]:
    """Statements that make an object with what the function uses of it."""
    if any("dataclass" in ast.unparse(each) for each in owner.decorator_list):
        named = dict(_fields(owner))
        used = {each.partition("=")[0]: each for each in fields(me)}
        wanted = [
            used.get(name) or f"{name}={value}" for name, value in named.items() if name in used or value
        ]
        yield f"{thing} = {owner.name}({', '.join(wanted)})"
        return
    yield f"{thing} = {owner.name}.__new__({owner.name})"
    for each in fields(me):
        name, _, value = each.partition("=")
        yield f"{thing}.{name} = {value}"


def _fields(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass, with an example for those that must be given."""
    for each in owner.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            kind = re.match(r"\w+", ast.unparse(each.annotation))
            value = _PLAIN.get(kind[0] if kind else "", "None") if each.value is None else ""
            yield each.target.id, value


def _place(source: Source, spot: Spot, trouble: Trouble) -> Place:
    """What the crash says is missing, and where."""
    for gap in gaps(source, spot, trouble):
        subject = ast.unparse(ast.parse(source.code(gap.subject), mode="eval").body)
        if gap.kind in _GONE:
            return Place(spot.line, subject, _GONE[gap.kind])
    return Place(spot.line)


def _method(tree: ast.Module, spot: Spot) -> Method | None:
    """The function that a line stands in: one of the file, or of a class of it."""
    functions = {each.name: each for each in tree.body if isinstance(each, Function)}
    owners: list[ast.ClassDef | None] = [
        None,
        *(each for each in tree.body if isinstance(each, ast.ClassDef)),
    ]
    for owner in owners:
        for each in (owner or tree).body:
            if isinstance(each, Function) and each.lineno <= spot.line <= (each.end_lineno or 0):
                return Method(each, owner, functions)
    return None


def _named(tree: ast.Module, was: Method) -> Method | None:
    """The same function in another version of the file."""
    functions = {each.name: each for each in tree.body if isinstance(each, Function)}
    if was.owner is None:
        found = functions.get(was.function.name)
        return Method(found, None, functions) if found else None
    for owner in (
        each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == was.owner.name
    ):
        for each in owner.body:
            if isinstance(each, Function) and each.name == was.function.name:
                return Method(each, owner, functions)
    return None


def _is_handled(function: Function, line: int) -> bool:
    """Whether a line stands where an error is handled."""
    handlers = (each for each in ast.walk(function) if isinstance(each, ast.ExceptHandler))
    return any(each.lineno <= line <= (each.end_lineno or 0) for each in handlers)


def _wrapped(line: str) -> str:
    """A long statement with an argument, or an entry, on each line of its own."""
    if len(line) <= WIDEST:
        return line
    start = min(at for at in (line.find("("), line.find("{"), line.find("[")) if at >= 0)
    parts, depth, quoted = [""], 0, False
    for character in line[start + 1 : -1]:
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "([{") - (character in ")]}")
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    inner = "".join(f"    {part.strip()},\n" for part in parts if part.strip())
    return f"{line[: start + 1]}\n{inner}{line[-1]}"


def _guards(function: Function) -> int:
    """How often a function gives nothing back."""
    returns = (each for each in ast.walk(function) if isinstance(each, ast.Return))
    return sum(each.value is None or ast.unparse(each.value) == "None" for each in returns)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
