"""Reading what a server sent, which may be of any shape, and sending back what a model wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.model.protocol import Item, Request, ToolResult, Turn, Usage, UserMessage

CHARACTERS_PER_TOKEN = 4


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def records(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects of a list; anything else holds none."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def text_of(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def count(value: object) -> int:
    """A number of tokens; what is no number is 0."""
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def arguments_text(value: object) -> str:
    """Arguments of a call as raw JSON; some servers send the object itself."""
    if isinstance(value, str):
        return value
    return "{}" if value is None else json.dumps(value)


def sendable(arguments: str) -> str:
    """Arguments of an earlier call as valid JSON: some servers refuse the whole conversation otherwise."""
    try:
        json.loads(arguments)
    except ValueError:
        return json.dumps({"unreadable": arguments})
    return arguments


def counted(request: Request, answer: Mapping[str, Any]) -> Usage:
    """Usage by estimate, for a server that sends none: the limits of a run must still hold."""
    asked = len(request.system) + sum(map(_length, request.items))
    asked += sum(len(json.dumps(dict(tool.parameters))) + len(tool.description) for tool in request.tools)
    answered = len(json.dumps(answer.get("output") or answer.get("choices") or "", default=str))
    return Usage(
        input_tokens=asked // CHARACTERS_PER_TOKEN + 1, output_tokens=answered // CHARACTERS_PER_TOKEN + 1
    )


def _length(item: Item) -> int:
    match item:
        case UserMessage(text) | ToolResult(_, text):
            return len(text)
        case Turn():
            return len(item.text or "") + sum(len(call.name) + len(call.arguments) for call in item.calls)
