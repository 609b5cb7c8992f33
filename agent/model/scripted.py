"""The shipped fake: a model whose answers are given beforehand. Injected where a Model is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from agent.model.protocol import ModelError, Request, ToolCall, Turn, Usage

Answer = Turn | ModelError | Callable[[Request], Turn]


class ScriptEnded(Exception):
    """The model was asked more often than its script has answers."""


class Scripted:
    """Answers from a list, in order: a turn is given back, an error raised, a function asked.

    `requests` keeps what it was asked, each with the items as they were at that moment.
    """

    def __init__(self, answers: Iterable[Answer], *, model_id: str = "scripted") -> None:
        self._answers = iter(answers)
        self._id = model_id
        self.requests: list[Request] = []

    @property
    def id(self) -> str:
        """The model id that its turns name."""
        return self._id

    def ask(self, request: Request, deadline: float) -> Turn:
        """The next answer of the script. Raises ScriptEnded, or the ModelError that stands there."""
        self.requests.append(replace(request, items=tuple(request.items)))
        answer = next(self._answers, None)
        if answer is None:
            raise ScriptEnded(f"request {len(self.requests)} has no answer in the script")
        if isinstance(answer, ModelError):
            raise answer
        return answer if isinstance(answer, Turn) else answer(request)


def said(text: str, usage: Usage = Usage(), *, model_id: str = "scripted") -> Turn:
    """A last message."""
    return Turn(text, (), usage, model_id, model_id, "done" if text.strip() else "empty")


def called(
    *calls: tuple[str, dict[str, Any] | str], usage: Usage = Usage(), model_id: str = "scripted"
) -> Turn:
    """A turn of tool calls, each a name and its arguments; a str is sent as it is, broken or not."""
    made = tuple(
        ToolCall(_call_id(name, number), name, value if isinstance(value, str) else json.dumps(value))
        for number, (name, value) in enumerate(calls)
    )
    return Turn(None, made, usage, model_id, model_id, "tool_calls")


def _call_id(name: str, number: int) -> str:
    return f"call_{name}_{number}"
