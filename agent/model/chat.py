"""Chat Completions: any other OpenAI-compatible server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.model.protocol import Item, Request, Stop, ToolCall, ToolResult, ToolSchema, Transient, Turn, Usage
from agent.model.reading import arguments_text, count, counted, mapping, records, sendable, text_of
from agent.model.spec import ModelSpec

PATH = "/chat/completions"
OPTIONAL = {
    "response_format": ("response_format", "json_schema", "response format", "structured output"),
    "reasoning_effort": ("reasoning_effort", "reasoning effort"),
    "store": ("'store'", "store:", '"store"', ": store", "body.store"),
}
"""Parts of a request that not every server takes, with the words by which a refusal names them."""

STOPS: Mapping[str, Stop] = {"length": "length", "content_filter": "content_filter", "refusal": "refusal"}


def body(spec: ModelSpec, request: Request, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The JSON body of a request, without the optional parts that this server has refused."""
    parts: dict[str, Any] = {
        "model": spec.id,
        "messages": [{"role": "system", "content": request.system}, *map(_message, request.items)],
        "store": False,
    }
    if request.tools:
        parts["tools"] = [_tool(tool) for tool in request.tools]
    if spec.effort:
        parts["reasoning_effort"] = spec.effort
    # Many servers hold the model to the format at once, so that it could call no tool any more.
    if request.answer_schema is not None and spec.answer_format and not request.tools:
        parts["response_format"] = _answer_format(request.answer_schema)
    return {name: value for name, value in parts.items() if name not in without}


def turn(spec: ModelSpec, request: Request, answer: Mapping[str, Any]) -> Turn:
    """What the model answered.

    Raises:
        Transient: there is no choice in the answer.
    """
    choices = records(answer.get("choices"))
    if not choices:
        told = mapping(answer.get("error")).get("message") or json.dumps(dict(answer), default=str)
        raise Transient(spec.id, f"the answer has no choices: {str(told)[:200]}")
    message = mapping(choices[0].get("message"))
    calls = tuple(
        _call(call, number, len(request.items))
        for number, call in enumerate(records(message.get("tool_calls")))
    )
    text, refusal = _content(message.get("content")), text_of(message.get("refusal"))
    usage = mapping(answer.get("usage"))
    return Turn(
        text=text or refusal or None,
        calls=calls,
        usage=_usage(usage) if usage else counted(request, answer),
        asked=spec.id,
        served=text_of(answer.get("model")) or spec.id,
        stop=_stop(choices[0].get("finish_reason"), text, refusal, bool(calls)),
        raw={"api": "chat", "model": spec.id, "base_url": spec.base_url},
    )


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "strict": True,
    }
    return {"type": "function", "function": function}


def _answer_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}


def _message(item: Item) -> dict[str, Any]:
    if isinstance(item, ToolResult):
        return {"role": "tool", "tool_call_id": item.call_id, "content": item.text}
    if not isinstance(item, Turn):
        return {"role": "user", "content": item.text}
    message: dict[str, Any] = {"role": "assistant", "content": item.text or ("" if not item.calls else None)}
    if item.calls:
        message["tool_calls"] = [_given_back(call) for call in item.calls]
    return message


def _given_back(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": sendable(call.arguments)},
    }


def _call(entry: Mapping[str, Any], number: int, position: int) -> ToolCall:
    function = mapping(entry.get("function"))
    identity = text_of(entry.get("id")) or f"call_{position}_{number}"
    return ToolCall(identity, text_of(function.get("name")), arguments_text(function.get("arguments")))


def _content(content: object) -> str:
    """The text of a message; some servers send it in parts. Blank text is none."""
    text = (
        content
        if isinstance(content, str)
        else "\n".join(text_of(part.get("text")) for part in records(content))
    )
    return text if text.strip() else ""


def _stop(reason: object, text: str, refusal: str, calls: bool) -> Stop:
    if isinstance(reason, str) and reason in STOPS:
        return STOPS[reason]
    if calls:
        return "tool_calls"
    if text:
        return "done"
    return "refusal" if refusal else "empty"


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("prompt_tokens")),
        cached_tokens=count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        output_tokens=count(usage.get("completion_tokens")),
        reasoning_tokens=count(mapping(usage.get("completion_tokens_details")).get("reasoning_tokens")),
    )
