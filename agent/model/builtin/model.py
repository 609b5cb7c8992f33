"""The rule-based model: a Model as any other, with rules in the place of weights."""

from __future__ import annotations

import json

from agent.model.builtin.conclude import last_word
from agent.model.builtin.heal import heal
from agent.model.builtin.incident import read_incident
from agent.model.builtin.talk import ID, Move, Said, answers, opening
from agent.model.protocol import Request, ToolCall, Turn, Usage

FREE = Usage(cost_usd=0.0)


class Builtin:
    """Rule-based, no model: repairs what is mechanical, by the same tools as every model.

    It keeps nothing between two requests: what to do next follows from the conversation alone.
    Without `history` the rules that look at earlier commits are left out.
    """

    def __init__(self, *, history: bool = True) -> None:
        self._history = history

    @property
    def id(self) -> str:
        """`builtin`: its honest name."""
        return ID

    def ask(self, request: Request, deadline: float) -> Turn:
        """The next step of the conversation. It costs nothing and never fails for want of a provider."""
        incident = read_incident(opening(request.items))
        if not request.tools:
            return _turn(Said(last_word(incident, request.items)), 0)
        procedure = heal(incident, frozenset(tool.name for tool in request.tools), history=self._history)
        move, step = next(procedure), 0
        for answer in answers(request.items):
            move, step = procedure.send(answer), step + 1
        return _turn(move, step)


def _turn(move: Move, step: int) -> Turn:
    if isinstance(move, Said):
        return Turn(move.text, (), FREE, ID, ID, "done")
    calls = tuple(
        ToolCall(f"{ID}_{step}_{number}", call.name, json.dumps(call.arguments, ensure_ascii=False))
        for number, call in enumerate(move)
    )
    return Turn(None, calls, FREE, ID, ID, "tool_calls")
