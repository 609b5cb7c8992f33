"""The conversation with the model, as it is read back: turns, each with its calls and their answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 20_000
"""More of one text is in `trajectory.json` only."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call: its arguments by name (nested ones by path), and the answer."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    answer: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `who` is "AutoHealer" or the model that answered; tokens and dollars of the request."""

    who: str
    text: str
    calls: tuple[Call, ...] = ()
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    is_model: bool = False


def conversation(items: Iterable[Mapping[str, Any]]) -> tuple[Said, ...]:
    """The items of a `trajectory.json`; what is in no known form is left out."""
    kept = [item for item in items if isinstance(item, Mapping)]
    answers = {str(i.get("call_id")): str(i.get("text", "")) for i in kept if i.get("item") == "ToolResult"}
    return tuple(_messages(kept, answers))


def _messages(items: Iterable[Mapping[str, Any]], answers: Mapping[str, str]) -> Iterator[Said]:
    for item in items:
        if item.get("item") == "UserMessage":
            yield Said("AutoHealer", cut(str(item.get("text", ""))))
        elif item.get("item") == "Turn":
            usage = item.get("usage") or {}
            yield Said(
                str(item.get("served", "")),
                cut(_readable(item.get("text") or "")),
                tuple(_call(call, answers) for call in item.get("calls") or ()),
                int(usage.get("input_tokens") or 0),
                int(usage.get("cached_tokens") or 0),
                int(usage.get("output_tokens") or 0),
                usage.get("cost_usd"),
                is_model=True,
            )


def _call(call: Mapping[str, Any], answers: Mapping[str, str]) -> Call:
    answer = answers.get(str(call.get("id")), "(the run ended before it was answered)")
    arguments = tuple(_arguments(str(call.get("arguments", ""))))
    return Call(str(call.get("name", "")), arguments, cut(answer), answer.startswith("ERROR"))


def _arguments(raw: str) -> Iterator[tuple[str, str]]:
    """The arguments a model gave, as it gave them where they are no JSON object."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        yield from _leaves(value, "")
    elif raw:
        yield "arguments", cut(raw)


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _leaves(inner, f"{path}[{number}]")
    elif value is not None:
        yield path, cut(value if isinstance(value, str) else json.dumps(value))


def _readable(text: str) -> str:
    """An answer that is a JSON object with each of its fields on a line."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(value, indent=1, ensure_ascii=False) if isinstance(value, dict) else text


def cut(text: str) -> str:
    """The text, with a note where it was too long."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[... {len(text) - LONGEST} characters more in trajectory.json]"
