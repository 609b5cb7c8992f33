"""A model behind an HTTP server: one request, one turn, its cost, and no retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agent.model import chat, responses
from agent.model.keys import Key, KeyRing
from agent.model.prices import billed, priced
from agent.model.protocol import Request, RequestRefused, Turn
from agent.model.reading import mapping
from agent.model.spec import ModelSpec
from agent.model.wire import Wire

NO_KEY_NEEDED = Key("none", "no key is needed")


class Body(Protocol):
    """Dresses a request for one API."""

    def __call__(
        self, spec: ModelSpec, request: Request, without: frozenset[str] = ...
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: where it is, how a request is written, how an answer is read, what may be left out."""

    path: str
    body: Body
    turn: Callable[[ModelSpec, Request, Mapping[str, Any]], Turn]
    optional: Mapping[str, tuple[str, ...]]


RESPONSES = Dialect(responses.PATH, responses.body, responses.turn, responses.OPTIONAL)
CHAT = Dialect(chat.PATH, chat.body, chat.turn, chat.OPTIONAL)


class RemoteModel:
    """One model of one provider, over the Responses API or Chat Completions."""

    def __init__(self, spec: ModelSpec, keys: KeyRing, on_note: Callable[[str], None]) -> None:
        self.spec = spec
        self._keys = keys
        self._on_note = on_note
        self._dialect = RESPONSES if spec.api == "responses" else CHAT
        self._without: frozenset[str] = frozenset()
        self._wire: Wire | None = None

    @property
    def id(self) -> str:
        """The model id that requests name."""
        return self.spec.id

    def ask(self, request: Request, deadline: float) -> Turn:
        """One turn, with its cost where a price is known. Raises ModelError."""
        answer = self._post(request, deadline)
        turn = self._dialect.turn(self.spec, request, answer)
        cost = billed(mapping(answer.get("usage")))
        if cost is None:
            cost = priced(turn.usage, turn.served, turn.asked, self.spec.prices)
        return replace(turn, usage=replace(turn.usage, cost_usd=cost))

    def served_models(self, deadline: float) -> list[Mapping[str, Any]]:
        """What the server's list of models says, as it says it. Raises ModelError."""
        listed = self._connected().get("/models", deadline).get("data")
        return [mapping(entry) for entry in listed] if isinstance(listed, list) else []

    def close(self) -> None:
        """Close the connections."""
        if self._wire is not None:
            self._wire.close()

    def _post(self, request: Request, deadline: float) -> dict[str, Any]:
        while True:
            try:
                body = self._dialect.body(self.spec, request, self._without)
                return self._connected().post(self._dialect.path, body, deadline)
            except RequestRefused as refused:
                part = self._refused_part(refused.message, body)
                if part is None:
                    raise
                self._without |= {part}
                self._on_note(f"{self.id} does not take {part!r}: asking without it")

    def _refused_part(self, message: str, body: Mapping[str, Any]) -> str | None:
        """The optional part of the request that a refusal names, if it was in there."""
        told = message.lower()
        named = (
            part for part, words in self._dialect.optional.items() if any(word in told for word in words)
        )
        return next((part for part in named if part in body), None)

    def _connected(self) -> Wire:
        if self._wire is None:
            names = self.spec.key_names
            key = self._keys.require(self.spec.id, names) if names else NO_KEY_NEEDED
            self._wire = Wire(self.spec, key)
        return self._wire
