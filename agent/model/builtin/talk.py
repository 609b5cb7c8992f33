"""How the rules talk: a procedure yields what it wants done and is sent the answers."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from agent.model.protocol import Item, ToolResult, Turn, UserMessage
from agent.model.spec import BUILTIN

ID = BUILTIN


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call: the tool's name and its arguments."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A last message. Whoever says it is sent the answer to it, if one comes."""

    text: str


Move = tuple[Call, ...] | Said
T = TypeVar("T")
Asking = Generator[Move, tuple[str, ...], T]
"""A procedure that asks on its way to a T. It holds no state but what it was sent."""


def opening(items: Sequence[Item]) -> str:
    """The incident message: the first thing that was said."""
    return next((item.text for item in items if isinstance(item, UserMessage)), "")


def answers(items: Sequence[Item]) -> Iterator[tuple[str, ...]]:
    """What each turn of ours was answered, oldest first; other models' turns and reminders are passed by.

    The turn that still waits for its answer yields nothing.
    """
    for place, item in enumerate(items):
        if not isinstance(item, Turn) or item.asked != ID:
            continue
        following = items[place + 1 :]
        if item.calls:
            results = {one.call_id: one.text for one in following if isinstance(one, ToolResult)}
            if all(call.id in results for call in item.calls):
                yield tuple(results[call.id] for call in item.calls)
        elif following and isinstance(following[0], UserMessage):
            yield (following[0].text,)
