"""What the loop and a model say to each other, whichever API carries it.

The errors, drawn as a tree:

ModelError
├── NoKey               no key for this model: the next one
├── ModelUnavailable    this model will not answer now: the next one
│   ├── KeyRefused      401, 403
│   ├── UnknownModel    unknown, retired or not open to this key
│   ├── QuotaSpent      the account is out of money: never tried again
│   ├── RequestRefused  400, 413, 422: the request itself was refused
│   └── Transient       worth another try: 429, 5xx, time-outs, resets, garbage
├── ContextFull         the conversation is longer than the model reads: no other model helps
├── DeadlineReached     the run's wall-clock deadline passed while waiting
└── NoModelLeft         every model of the chain failed; says how each one did
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Stop = Literal["done", "tool_calls", "length", "refusal", "content_filter", "empty"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. `arguments` is raw JSON as the model wrote it, maybe broken."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money of one or more requests. `cached_tokens` is a part of `input_tokens`,
    `reasoning_tokens` a part of `output_tokens`; `cost_usd` is None where no price is known."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None

    def __add__(self, other: Usage) -> Usage:
        known = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            sum(known) if known else None,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of a model.

    `asked` is the model id of the request and `served` the one that the provider says answered.
    `raw` is plain JSON data of the adapter that made the turn: the loop keeps it and gives it back.
    `stop` is never "done" or "tool_calls" for an answer that was cut, refused or empty.
    """

    text: str | None
    calls: tuple[ToolCall, ...]
    usage: Usage
    asked: str
    served: str
    stop: Stop
    raw: Any = None


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the loop tells the model: the incident at first, later what a proof showed."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one tool call, by the id of the call."""

    call_id: str
    text: str


Item = UserMessage | Turn | ToolResult


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """One tool as the model sees it. `parameters` is a strict JSON schema (see agent.model.schema)."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the static `system` text and tools first, so that providers cache them, then the
    conversation so far. `answer_schema` is the strict JSON schema of the last message, or None.

    With `tools` empty the model can only answer: that is how the best diagnosis so far is asked for.
    """

    system: str
    tools: tuple[ToolSchema, ...]
    items: Sequence[Item]
    answer_schema: Mapping[str, Any] | None = None


class Model(Protocol):
    """A model that can be asked. `id` is the model id that requests name."""

    @property
    def id(self) -> str: ...

    def ask(self, request: Request, deadline: float) -> Turn:
        """One turn, before `deadline` (`time.monotonic()` seconds).

        Raises:
            ModelError: see the tree at the top of this module.
        """
        ...


class ModelError(Exception):
    """A model did not answer. `model` is the id that was asked; the message is one readable line.

    `usage` is what the failed attempts cost all the same.
    """

    def __init__(self, model: str, message: str, usage: Usage | None = None) -> None:
        super().__init__(f"{model}: {message}" if model else message)
        self.model = model
        self.message = message
        self.usage = usage or Usage()


class NoKey(ModelError):
    """No key was found for the model; the message names the places that were looked at."""


class ModelUnavailable(ModelError):
    """The model will not answer this run; another one may."""


class KeyRefused(ModelUnavailable):
    """The provider does not accept the key, or the key may not use the model."""


class UnknownModel(ModelUnavailable):
    """The provider does not know the model id, or has retired it."""


class QuotaSpent(ModelUnavailable):
    """The account has no money or quota left: waiting does not help."""


class RequestRefused(ModelUnavailable):
    """The provider refused the request itself, for example a schema that it does not support."""


class Transient(ModelUnavailable):
    """A fault that another try may not meet. `retry_after` is what the provider asked for, in seconds."""

    def __init__(
        self, model: str, message: str, *, retry_after: float | None = None, usage: Usage | None = None
    ) -> None:
        super().__init__(model, message, usage)
        self.retry_after = retry_after


class ContextFull(ModelError):
    """The conversation is longer than the model can read."""


class DeadlineReached(ModelError):
    """The deadline of the run passed before the model had answered."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one model of a chain failed."""

    model: str
    error: ModelError = field(repr=False)


class NoModelLeft(ModelError):
    """Every model of the chain failed. `attempts` holds each one with its error, in order.

    `no_key` is true when the only thing missing was a key: exit code 4 says so.
    """

    def __init__(self, attempts: Sequence[Attempt], usage: Usage | None = None) -> None:
        told = "; ".join(str(attempt.error) for attempt in attempts)
        super().__init__("", f"no model is left to ask ({told})", usage)
        self.attempts = tuple(attempts)
        self.no_key = bool(attempts) and all(isinstance(attempt.error, NoKey) for attempt in attempts)
