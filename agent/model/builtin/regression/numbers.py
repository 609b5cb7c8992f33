"""Regression tests of a plain function that is given a number as a text."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.incident import Incident, Spot
from agent.model.builtin.regression.imports import Test, test_path
from agent.model.builtin.source import Source, name_of


def number_test(incident: Incident, spot: Spot, source: Source, operand: cst.BaseExpression) -> Test | None:
    """A plain function gives the same for a number that comes as a text; None where it takes more."""
    function = source.function_of(operand)
    if function is None or not isinstance(operand, cst.Name) or not _is_plain(source, function):
        return None
    given = [one.name.value for one in function.params.params]
    body = function.body
    structured = {*_owners(source.nodes(cst.Attribute, body)), *_owners(source.nodes(cst.Subscript, body))}
    if operand.value not in given or structured & set(given):
        return None
    asked = {name_of(one.test) for one in source.nodes(cst.If, body)}
    values = {name: "0" if name in asked else "1.0" for name in given}
    name, module = function.name.value, spot.path.removesuffix(".py").replace("/", ".")
    plain, text = (", ".join({**values, operand.value: value}.values()) for value in ("2.0", '"2"'))
    return test_path(incident, f"text_{name}"), (
        f"from {module} import {name}\n\n\ndef test_{name}_takes_a_number_as_text():\n"
        f"    assert {name}({text}) == {name}({plain})\n"
    )


def _is_plain(source: Source, function: cst.FunctionDef) -> bool:
    """A function of a module, without decorators, keywords and coroutines."""
    odd = function.asynchronous or function.decorators or function.params.kwonly_params
    return not odd and source.first(function, cst.ClassDef, cst.FunctionDef) is None


def _owners(nodes: Iterator[cst.Attribute] | Iterator[cst.Subscript]) -> Iterator[str]:
    return (node.value.value for node in nodes if isinstance(node.value, cst.Name))
