"""Finds where a test file reaches for pytest itself, and not only for what pytest gives to tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .suspicion import Suspect, words

RULE = "test-hooks"
_FOR_TESTS = words(
    "approx deprecated_call fail fixture importorskip mark param raises skip warns RaisesGroup RaisesExc"
    " CaptureFixture FixtureRequest LogCaptureFixture MonkeyPatch TempPathFactory ExceptionInfo"
)
"""What pytest has for those who write tests."""
_INTERNAL = words("_pytest pluggy pytest_plugins xdist")
_REQUESTED = words("param function instance addfinalizer getfixturevalue cls")
"""What a fixture may ask of its request."""


def hooks(tree: ast.AST) -> Iterator[Suspect]:
    """Hooks, plug-ins, and names of pytest that are no tool of a test."""
    names = {"pytest", *(alias for node in ast.walk(tree) for alias in _called_so(node))}
    fronts = {id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("pytest_"):
                yield Suspect(RULE, f"def {name}", line)
            case ast.Name(id=name) if name in _INTERNAL or name.startswith("pytest_"):
                yield Suspect(RULE, name, line)
            case ast.Name(id=name) if name in names and fronts.get(id(node)) not in _FOR_TESTS:
                yield Suspect(RULE, f"{name}.{fronts[id(node)]}" if id(node) in fronts else name, line)
            case ast.Name(id="request") if id(node) in fronts and fronts[id(node)] not in _REQUESTED:
                yield Suspect(RULE, f"request.{fronts[id(node)]}", line)
            case ast.Attribute(attr="pluginmanager" | "pytest_plugins" | "_pytest") as found:
                yield Suspect(RULE, found.attr, line)
            case ast.ImportFrom(module=str(module), names=given) if _top(module) in {"pytest", *_INTERNAL}:
                taken = [each.name for each in given if module != "pytest" or each.name not in _FOR_TESTS]
                yield from (Suspect(RULE, f"{module}.{name}", line) for name in taken)
            case ast.Import(names=given):
                inner = [each.name for each in given if each.name != "pytest"]
                reached = [name for name in inner if _top(name) in {"pytest", *_INTERNAL}]
                yield from (Suspect(RULE, name, line) for name in reached)


def _called_so(node: ast.AST) -> Iterator[str]:
    """Other names of pytest."""
    if isinstance(node, ast.Import):
        yield from (each.asname for each in node.names if each.name == "pytest" and each.asname)


def _top(module: str) -> str:
    return module.partition(".")[0]
