"""How a function is called by a test: its callee, its arguments, and the file that does it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from agent.model.builtin.coroutines import is_generator
from agent.model.builtin.regression.needs import Need, Unclear
from agent.model.builtin.regression.reading import Reader, parameters
from agent.model.builtin.source import Source, name_of

_IMPORTS = {
    "json": "import json",
    "asyncio": "import asyncio",
    "AsyncMock": "from unittest.mock import {}",
    "MagicMock": "from unittest.mock import {}",
    "Mock": "from unittest.mock import {}",
    "SimpleNamespace": "from types import {}",
    "Decimal": "from decimal import {}",
    "Path": "from pathlib import {}",
    "UUID": "from uuid import {}",
    "date": "from datetime import {}",
    "datetime": "from datetime import {}",
    "time": "import time",
    "timedelta": "from datetime import {}",
    "timezone": "from datetime import {}",
}
_USED = re.compile(r"(?<![\w.\"])([A-Za-z]\w*)(?=[(.])")
WIDTH = 100
CONSTRUCTOR = "constructor"


@dataclass(frozen=True, slots=True)
class Target:
    """The function under test. `owner` is its class, `kind` what its decorators make of it, or its name."""

    module: str
    source: Source
    function: cst.FunctionDef
    owner: str
    kind: str

    @property
    def name(self) -> str:
        return self.function.name.value

    @property
    def bound(self) -> str:
        """The name of its first parameter that a class gives, empty where there is none."""
        names = list(parameters(self.function))
        return names[0] if self.owner and self.kind != "staticmethod" and names else ""

    @property
    def given_first(self) -> str:
        """The same where the test gives it: Python gives a class, and what is being made."""
        return "" if self.kind in ("classmethod", CONSTRUCTOR) else self.bound

    @property
    def imported(self) -> str:
        """What a test imports of its module."""
        return self.owner or self.name

    @property
    def variable(self) -> str:
        """What a stand-in for its object is called."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.owner.strip("_")).lower()


def target_of(path: str, source: Source, function: cst.FunctionDef) -> Target:
    """The function under test.

    Raises:
        Unclear: no test can call it by itself.
    """
    around = source.first(function, cst.ClassDef, cst.FunctionDef)
    names = [name_of(one.decorator) for one in function.decorators]
    if isinstance(around, cst.FunctionDef) or len(names) > 1:
        raise Unclear("a function inside of another")
    if names and names[0] not in ("property", "staticmethod", "classmethod"):
        raise Unclear(f"a {names[0]}")
    module = path.removesuffix(".py").replace("/", ".")
    owner = around.name.value if isinstance(around, cst.ClassDef) else ""
    kind = CONSTRUCTOR if owner and function.name.value == "__init__" else names[0] if names else ""
    return Target(module, source, function, owner, kind)


@dataclass(frozen=True, slots=True)
class Calling:
    """A call as a test writes it: lines before it, and the call itself, which is awaited by `run`."""

    before: tuple[str, ...]
    code: str
    asynchronous: bool

    @property
    def run(self) -> str:
        return f"asyncio.run({self.code})" if self.asynchronous else self.code


def calling(target: Target, reader: Reader, named: Sequence[Need] = ()) -> Calling:
    """The call of a function with what it needs. Parameters in `named` get a variable of their own.

    Raises:
        Unclear: a value that it needs cannot be made up.
    """
    before, given = [], []
    first = target.given_first
    for name, optional in parameters(target.function).items():
        need = reader.known.get(f" {name}")
        if need is None or name == target.bound != first:
            continue
        if optional and need.code is None and not need.wanted:
            continue
        value = need.value()
        if name == first and value == "1.0":
            value = "SimpleNamespace()"
        if need in named or len(value) > WIDTH // 2:
            variable = target.variable if name == first else name
            before.append(f"{variable} = {value}")
            value = variable
        given.append(f"{name}={value}" if optional or _is_keyword(target.function, name) else value)
    method = f".{target.name}" if target.kind != CONSTRUCTOR else ""
    callee = f"{target.owner}{method}" if target.owner else target.name
    if target.kind == "property":
        callee += ".fget"
    code = f"{callee}({', '.join(given)})"
    asynchronous = target.function.asynchronous is not None
    if is_generator(target.source, target.function):
        if asynchronous:
            before += [""] * bool(before) + [
                "async def scenario():",
                f"    return [one async for one in {code}]",
                "",
            ]
            return Calling(tuple(before), "scenario()", asynchronous)
        code = f"list({code})"
    return Calling(tuple(before), code, asynchronous)


def _is_keyword(function: cst.FunctionDef, name: str) -> bool:
    return name in [one.name.value for one in function.params.kwonly_params]


def start(target: Target, real: frozenset[str] = frozenset(), *, tasks: bool = False) -> Reader:
    """A reader with the needs of the parameters, by their names; kept under a name that no code has, too.

    With `tasks` a function may start some: what they run are stand-ins.

    Raises:
        Unclear: the function does what is not followed.
    """
    reader = Reader(target.source, real, tasks={} if tasks else None)
    for name in parameters(target.function):
        need = Need(name)
        reader.known[name] = reader.known[f" {name}"] = need
    if target.kind == "classmethod":
        reader.known.pop(target.bound, None)
    reader.statement(target.function.body)
    return reader


def patches(target: Target, reader: Reader, named: Sequence[Need] = ()) -> list[str]:
    """The lines that put stand-ins in the place of what a module imports; `named` ones have a variable."""
    lines = [f'monkeypatch.setenv("{name}", "x")' for name in sorted(reader.environment)]
    for name, need in reader.patched.items():
        apart = name.partition(".")[0] in sys.stdlib_module_names or name.startswith(("services.", "shared."))
        where, value = name if "." in name and apart else f"{target.module}.{name}", need.value()
        if need in named:
            lines.append(f"{name} = {value}")
            value = name
        lines.append(f'monkeypatch.setattr("{where}", {value})')
    return lines


def write(
    target: Target, title: str, name: str, patched: Sequence[str], body: Sequence[str], taken: str = ""
) -> str:
    """The file of one test; `taken` is one import more of the project."""
    code = "\n".join([*patched, *body])
    used = dict.fromkeys(match[1] for match in _USED.finditer(code))
    lines: dict[str, list[str]] = {}
    for one in sorted(used):
        if one in _IMPORTS and one not in (target.imported,):
            lines.setdefault(_IMPORTS[one], []).append(one)
    made = sorted(line.format(", ".join(names)) for line, names in lines.items())
    plain = [line for line in made if line.startswith("import ")]
    named = [line for line in made if line.startswith("from ")]
    imports = "\n".join([*plain, *named]) + "\n\n" if made else ""
    if "pytest" in used:
        imports += "import pytest\n\n"
    project = [f"from {target.module} import {target.imported}", *([taken] if taken else [])]
    own = "\n".join(project) + "\n\n\n"
    fixture = "monkeypatch" if patched else ""
    lines_of = [part for line in (*patched, *body) for part in wrapped(line)]
    indented = "".join(f"    {line}\n" if line else "\n" for line in lines_of)
    return f'"""{title}"""\n\n{imports}{own}def {name}({fixture}):\n{indented}'


def wrapped(line: str) -> list[str]:
    """A long line with the arguments of its widest call on lines of their own."""
    start = len(line) - len(line.lstrip())
    opening = line.find("(") if line.find("(") >= 0 else len(line)
    closing = line.rfind(")")
    if len(line) <= WIDTH or closing <= opening:
        return [line]
    parts: list[str] = []
    depth, part, quote = 0, "", ""
    for sign in line[opening + 1 : closing]:
        quote = "" if sign == quote else sign if sign in "\"'" and not quote else quote
        depth += 0 if quote else (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return [line]
        if sign == "," and not depth and not quote:
            parts, part = [*parts, part], ""
        else:
            part += sign
    indent = " " * (start + 4)
    inner = [made for one in [*parts, part] for made in wrapped(f"{indent}{one.strip()},")]
    return [line[: opening + 1], *inner, f"{' ' * start}{line[closing:]}"]
