"""The Responses API (xAI, OpenAI): items in, items out, the model's reasoning kept between turns.

Nothing is stored with the provider, so the encrypted reasoning travels with each request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.model.protocol import (
    Item,
    Request,
    Stop,
    ToolCall,
    ToolResult,
    ToolSchema,
    Transient,
    Turn,
    Usage,
    UserMessage,
)
from agent.model.reading import arguments_text, count, counted, mapping, records, sendable, text_of
from agent.model.spec import ModelSpec

PATH = "/responses"
OPTIONAL = {
    "include": ("encrypted", "'include", "include[", "parameter: include"),
    "text": ("text.format", "json_schema", "response format", "structured output"),
    "reasoning": ("reasoning.effort", "reasoning effort", "reasoning_effort", "'reasoning'"),
}
"""Parts of a request that not every model takes, with the words by which a refusal names them."""

REASONING = ("type", "id", "summary", "encrypted_content")


def body(spec: ModelSpec, request: Request, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The JSON body of a request, without the optional parts that this server has refused."""
    parts: dict[str, Any] = {
        "model": spec.id,
        "instructions": request.system,
        "tools": [_tool(tool) for tool in request.tools],
        "input": [entry for item in request.items for entry in _entries(spec, item)],
        "store": False,
    }
    if not request.tools:
        del parts["tools"]
    if spec.reasons:
        parts["include"] = ["reasoning.encrypted_content"]
    if spec.effort:
        parts["reasoning"] = {"effort": spec.effort}
    if request.answer_schema is not None and spec.answer_format:
        parts["text"] = {"format": _answer_format(request.answer_schema)}
    return {name: value for name, value in parts.items() if name not in without}


def turn(spec: ModelSpec, request: Request, answer: Mapping[str, Any]) -> Turn:
    """What the model answered.

    Raises:
        Transient: the answer failed on the provider's side, or is no answer at all.
    """
    _check(spec, answer)
    output = records(answer.get("output"))
    texts, refusals = _texts(output)
    calls = tuple(
        _call(entry, number, len(request.items)) for number, entry in enumerate(_of(output, "function_call"))
    )
    usage = mapping(answer.get("usage"))
    return Turn(
        text="\n".join(texts or refusals) or None,
        calls=calls,
        usage=_usage(usage) if usage else counted(request, answer),
        asked=spec.id,
        served=text_of(answer.get("model")) or spec.id,
        stop=_stop(answer, bool(texts), bool(refusals), bool(calls)),
        raw=_raw(spec, output, calls),
    )


def _tool(tool: ToolSchema) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        "strict": True,
    }


def _answer_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "name": "answer", "schema": dict(schema), "strict": True}


def _entries(spec: ModelSpec, item: Item) -> Iterator[dict[str, Any]]:
    match item:
        case UserMessage(text):
            yield {"role": "user", "content": text}
        case ToolResult(call_id, text):
            yield {"type": "function_call_output", "call_id": call_id, "output": text}
        case Turn():
            yield from _turn_entries(spec, item)


def _turn_entries(spec: ModelSpec, item: Turn) -> Iterator[dict[str, Any]]:
    """A model gets back what it answered, in order and with its reasoning; to another one, or another
    provider, that reasoning would mean nothing."""
    raw = mapping(item.raw)
    kept = records(raw.get("output"))
    if kept and (raw.get("model"), raw.get("base_url")) == (spec.id, spec.base_url):
        yield from (dict(entry) for entry in kept)
        return
    if item.text:
        yield {"role": "assistant", "content": item.text}
    for call in item.calls:
        yield _call_entry(call)


def _call_entry(call: ToolCall) -> dict[str, Any]:
    arguments = sendable(call.arguments)
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def _check(spec: ModelSpec, answer: Mapping[str, Any]) -> None:
    error = mapping(answer.get("error"))
    if error or answer.get("status") in ("failed", "cancelled"):
        told = error.get("message") or error.get("code") or f"status {answer.get('status')}"
        raise Transient(spec.id, f"the provider failed: {str(told)[:300]}")
    if not isinstance(answer.get("output"), list):
        raise Transient(spec.id, f"the answer has no output: {json.dumps(dict(answer), default=str)[:200]}")


def _texts(output: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    parts = [part for entry in _of(output, "message") for part in records(entry.get("content"))]
    texts = [text_of(part.get("text")) for part in _of(parts, "output_text")]
    refusals = [text_of(part.get("refusal")) for part in _of(parts, "refusal")]
    return [text for text in texts if text.strip()], [text for text in refusals if text]


def _call(entry: Mapping[str, Any], number: int, position: int) -> ToolCall:
    identity = text_of(entry.get("call_id")) or text_of(entry.get("id")) or f"call_{position}_{number}"
    return ToolCall(identity, text_of(entry.get("name")), arguments_text(entry.get("arguments")))


def _stop(answer: Mapping[str, Any], text: bool, refused: bool, calls: bool) -> Stop:
    reason = mapping(answer.get("incomplete_details")).get("reason")
    if reason == "content_filter":
        return "content_filter"
    if answer.get("status") == "incomplete":
        return "length"
    if calls:
        return "tool_calls"
    if refused:
        return "refusal"
    return "done" if text else "empty"


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        cached_tokens=count(mapping(usage.get("input_tokens_details")).get("cached_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        reasoning_tokens=count(mapping(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )


def _raw(spec: ModelSpec, output: Sequence[Mapping[str, Any]], calls: Sequence[ToolCall]) -> dict[str, Any]:
    """What is given back next time: without ids, since the provider stored nothing that they could name."""
    remaining = iter(calls)
    entries: list[dict[str, Any]] = []
    for entry in output:
        match entry.get("type"):
            case "function_call":
                entries.append(_call_entry(next(remaining)))
            case "message":
                said = "\n".join(text for found in _texts([entry]) for text in found)
                entries += [{"role": "assistant", "content": said}] if said else []
            case "reasoning" if entry.get("encrypted_content"):
                entries.append({name: entry[name] for name in REASONING if entry.get(name) is not None})
    reasoned = any(entry.get("type") == "reasoning" for entry in entries)
    return {
        "api": "responses",
        "model": spec.id,
        "base_url": spec.base_url,
        "output": entries if reasoned else [],
    }


def _of(entries: Sequence[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [dict(entry) for entry in entries if entry.get("type") == kind]
