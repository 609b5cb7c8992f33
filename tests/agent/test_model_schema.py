"""Strict JSON schemas: nothing in them that a strict endpoint refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from agent.diagnosis import Category, Diagnosis
from agent.model.schema import SchemaError, strict_schema, tool_schema
from tools.grep_services import GrepServices
from tools.read_file import ReadFile

ALLOWED = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "enum",
    "description",
}


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema, itself first."""
    yield schema
    for child in [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]:
        yield from nodes(child)
    if "items" in schema:
        yield from nodes(schema["items"])


@pytest.mark.parametrize("model", [Diagnosis, ReadFile, GrepServices])
def test_only_what_strict_endpoints_take_is_in_a_schema(model: type[BaseModel]) -> None:
    for node in nodes(strict_schema(model)):
        assert set(node) <= ALLOWED
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])


def test_the_categories_are_an_enumeration() -> None:
    category = strict_schema(Diagnosis)["properties"]["category"]

    assert category["enum"] == [category.value for category in Category]


def test_bounds_are_said_in_words() -> None:
    properties = strict_schema(Diagnosis)["properties"]

    assert properties["confidence"]["description"] == "at least 0; at most 1"
    assert "at most 4000 characters" in properties["root_cause"]["description"]


def test_a_tool_is_named_and_described_by_its_class() -> None:
    schema = tool_schema(ReadFile)

    assert schema.name == "read_file"
    assert schema.description.startswith("Read lines of a file")
    assert "  " not in schema.description.splitlines()[-1]
    assert schema.parameters["properties"]["start"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]


class Inner(BaseModel):
    kind: Literal["a"] = "a"
    name: Annotated[str, Field(pattern="x+", min_length=1)] = "x"


class Outer(BaseModel):
    inner: Inner | None = None
    many: list[Inner] = Field(default_factory=list, description="several")


def test_defaults_patterns_and_references_are_taken_out() -> None:
    inner = {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": ["a"]}, "name": {"type": "string"}},
        "required": ["kind", "name"],
        "additionalProperties": False,
    }
    assert strict_schema(Outer) == {
        "type": "object",
        "properties": {
            "inner": {"anyOf": [inner, {"type": "null"}]},
            "many": {"type": "array", "items": inner, "description": "several"},
        },
        "required": ["inner", "many"],
        "additionalProperties": False,
    }


class OpenDict(BaseModel):
    values: dict[str, int]


class FixedTuple(BaseModel):
    pair: tuple[int, str]


class Anything(BaseModel):
    value: Any


class Recursive(BaseModel):
    child: Recursive | None


@pytest.mark.parametrize("model", [OpenDict, FixedTuple, Anything, Recursive])
def test_what_cannot_be_strict_is_an_error_at_once(model: type[BaseModel]) -> None:
    with pytest.raises(SchemaError):
        strict_schema(model)
