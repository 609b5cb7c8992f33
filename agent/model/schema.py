"""From a pydantic model to the strict JSON schema that every provider accepts.

Strict endpoints refuse what pydantic writes freely: defaults, patterns, lengths, open objects.
They are taken out here (and said in words where the model should know them); pydantic
checks them again on what comes back.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from agent.model.protocol import ToolSchema
from tools.tool import Tool

BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} items",
}


class SchemaError(TypeError):
    """A model that has no strict schema: a programming error in the model."""


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model as a strict schema: every field required, nothing open, no references.

    Raises:
        SchemaError: the model uses an open dict, a fixed tuple, Any, or refers to itself.
    """
    raw = model.model_json_schema()
    definitions = raw.get("$defs", {})
    schema = _strict(raw, definitions, (model.__name__,))
    schema.pop("description", None)
    return schema


def tool_schema(tool: type[Tool]) -> ToolSchema:
    """A tool as a model sees it: the docstring is its description."""
    return ToolSchema(tool.name, inspect.cleandoc(tool.__doc__ or ""), strict_schema(tool))


def _strict(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if "$ref" in node:
        return _resolved(node, definitions, path)
    for union in ("anyOf", "oneOf"):
        if union in node:
            choices = [_strict(choice, definitions, path) for choice in node[union]]
            return _described(node, {"anyOf": choices})
    if "const" in node:
        return _described(node, {"type": node.get("type", "string"), "enum": [node["const"]]})
    if "enum" in node:
        return _described(node, {"type": node.get("type", "string"), "enum": list(node["enum"])})
    match node.get("type"):
        case "object":
            return _described(node, _object(node, definitions, path))
        case "array":
            if "prefixItems" in node or "items" not in node:
                raise SchemaError(f"{'.'.join(path)}: a tuple of fixed length has no strict schema")
            return _described(node, {"type": "array", "items": _strict(node["items"], definitions, path)})
        case "string" | "integer" | "number" | "boolean" | "null" as scalar:
            return _described(node, {"type": scalar})
    raise SchemaError(f"{'.'.join(path)}: no strict schema for {dict(node)!r}")


def _resolved(
    node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]
) -> dict[str, Any]:
    name = node["$ref"].rsplit("/", 1)[-1]
    if name in path:
        raise SchemaError(f"{'.'.join(path)}: a schema that refers to itself is not strict everywhere")
    inlined = _strict(definitions[name], definitions, (*path, name))
    return inlined | ({"description": node["description"]} if "description" in node else {})


def _object(node: Mapping[str, Any], definitions: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if "properties" not in node or isinstance(node.get("additionalProperties"), Mapping):
        raise SchemaError(f"{'.'.join(path)}: an open dict has no strict schema")
    properties = {
        name: _strict(value, definitions, (*path, name)) for name, value in node["properties"].items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _described(node: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Keep the description, and say in it what the strict form cannot hold."""
    words = [node["description"]] if "description" in node else []
    words += [text.format(node[bound]) for bound, text in BOUNDS.items() if bound in node]
    return schema | ({"description": "; ".join(words)} if words else {})
