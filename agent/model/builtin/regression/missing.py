"""Regression tests of a plain function or method that lacks a value in its first statement."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.gaps import Gap
from agent.model.builtin.incident import Incident, Spot
from agent.model.builtin.regression.imports import Test, test_path
from agent.model.builtin.source import Source, index_of, name_of, text_of


def gap_test(incident: Incident, spot: Spot, source: Source, gap: Gap) -> Test | None:
    """The culprit function is called without the value; only where it needs nothing else before."""
    function = source.function_of(gap.subject)
    statement = source.statement_of(gap.subject)
    if function is None or function.asynchronous or statement is not _first(function):
        return None
    given = [one.name.value for one in function.params.params]
    if function.params.kwonly_params or _root(gap.subject) not in given:
        return None
    owner = source.first(function, cst.ClassDef, cst.FunctionDef)
    if isinstance(owner, cst.FunctionDef) or any(
        name_of(one.decorator) not in ("", "property") for one in function.decorators
    ):
        return None
    values = [_value(source, function, name, gap) for name in given]
    if any(value is None for value in values):
        return None
    called = _callee(function, owner)
    module = spot.path.removesuffix(".py").replace("/", ".")
    name = owner.name.value if isinstance(owner, cst.ClassDef) else function.name.value
    call = f"{called}({', '.join(str(value) for value in values)})"
    lines = [
        "from types import SimpleNamespace\n\n" if "SimpleNamespace" in call else "",
        f"from {module} import {name}\n\n\n",
    ]
    test = f"def test_{function.name.value}_gives_nothing_without_its_value():\n    assert {call} is None\n"
    return test_path(incident, f"missing_{function.name.value}"), "".join([*lines, test])


def _callee(function: cst.FunctionDef, owner: cst.CSTNode | None) -> str:
    if not isinstance(owner, cst.ClassDef):
        return function.name.value
    plain = f"{owner.name.value}.{function.name.value}"
    return f"{plain}.fget" if function.decorators else plain


def _first(function: cst.FunctionDef) -> cst.CSTNode | None:
    """The first statement of a function, its docstring apart."""
    body = list(function.body.body)
    rest = body[1:] if function.get_docstring() is not None else body
    return rest[0] if rest else None


def _root(node: cst.BaseExpression) -> str:
    """The name that an expression begins with."""
    while isinstance(node, cst.Attribute | cst.Subscript):
        node = node.value
    return node.value if isinstance(node, cst.Name) else ""


def _value(source: Source, function: cst.FunctionDef, name: str, gap: Gap) -> str | None:
    """A parameter with what the function reads of it but for what is missing; None where it is not plain."""
    if isinstance(gap.subject, cst.Name) and gap.subject.value == name:
        return "None"
    attributes, keys = dict(_attributes(source, function, name)), dict(_keys(source, function, name))
    if attributes and keys:
        return None
    missing = gap.subject
    if (
        isinstance(missing, cst.Attribute)
        and isinstance(missing.value, cst.Name)
        and missing.value.value == name
    ):
        attributes[missing.attr.value] = "None"
    elif (
        isinstance(missing, cst.Subscript)
        and isinstance(missing.value, cst.Name)
        and missing.value.value == name
    ):
        keys.pop(text_of(index_of(missing)) or "", None)
    elif _root(missing) == name:
        return None
    if attributes:
        return f"SimpleNamespace({', '.join(f'{one}={value}' for one, value in attributes.items())})"
    used_as_table = bool(keys) or _root(missing) == name
    entries = ", ".join(f'"{key}": {value}' for key, value in keys.items())
    return f"{{{entries}}}" if used_as_table else "1.0"


def _attributes(source: Source, function: cst.FunctionDef, name: str) -> Iterator[tuple[str, str]]:
    for node in source.nodes(cst.Attribute, function.body):
        called = isinstance(source.parents.get(node), cst.Call)
        if isinstance(node.value, cst.Name) and node.value.value == name and not called:
            yield node.attr.value, "1.0"


def _keys(source: Source, function: cst.FunctionDef, name: str) -> Iterator[tuple[str, str]]:
    for node in source.nodes(cst.Subscript, function.body):
        key = text_of(index_of(node))
        if isinstance(node.value, cst.Name) and node.value.value == name and key is not None:
            yield key, "1.0"
