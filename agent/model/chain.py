"""A chain of models: the first that answers is used, and the one retry layer there is.

A model that cannot answer is left for the rest of the run, and that is said once. The rule-based model
may stand first, and hands over what it could not mend, or last, where it answers when all else failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    wait_random_exponential,
)
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from agent.model.keys import KeyRing
from agent.model.prices import family
from agent.model.protocol import (
    Attempt,
    ContextFull,
    DeadlineReached,
    Model,
    ModelError,
    ModelUnavailable,
    NoModelLeft,
    Request,
    Transient,
    Turn,
    Usage,
)
from agent.model.remote import RemoteModel
from agent.model.spec import BUILTIN, ModelSpec, told_name

Note = Callable[[str], None]

PASSED_ON = ("empty", "refusal", "content_filter")
"""Stops at which the next model is asked, where there is one."""

RESERVE_S = 120.0
RESERVED = 0.2
"""What a silent model leaves of the run's time to the next one: a part of it, at most so many seconds."""


@dataclass(frozen=True, slots=True)
class Left:
    """A model that failed and is asked no more: why, and who is asked from here on, if anyone is."""

    model: str
    why: str
    following: str | None

    @property
    def text(self) -> str:
        """The same in a sentence."""
        if self.following is None:
            return f"{self.model}: {self.why}; no other model is left"
        if self.following == BUILTIN:
            return f"{self.model}: {self.why}; from here on {BUILTIN} answers ({told_name(BUILTIN)})"
        return f"{self.model}: {self.why}; asking {self.following} from here on"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently one model is asked. `sleep` waits for a number of seconds.

    A provider that asks for more than `longest_wait_s` is not waited for.
    """

    attempts: int = 3
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class Chain:
    """Models in order of preference, asked as one. Not for use from several threads."""

    def __init__(
        self,
        models: Sequence[Model],
        on_note: Note,
        retries: Retries = Retries(),
        on_left: Callable[[Left], None] | None = None,
    ) -> None:
        """`on_left` hears of each model that failed; without it `on_note` does."""
        if not models:
            raise ValueError("a chain needs at least one model")
        self._models = tuple(models)
        self._on_note = on_note
        self._on_left = on_left or (lambda left: on_note(left.text))
        self._retries = retries
        self._at = 0
        self._failed: list[Attempt] = []
        self._told: set[tuple[str, str]] = set()

    @classmethod
    def of(
        cls, specs: Sequence[ModelSpec], keys: KeyRing, on_note: Note, retries: Retries = Retries()
    ) -> Chain:
        """The models that the settings name. Nothing is opened before the first request."""
        return cls([RemoteModel(spec, keys, on_note) for spec in specs], on_note, retries)

    @property
    def id(self) -> str:
        """The id of the model that is asked next."""
        return self._models[min(self._at, len(self._models) - 1)].id

    def ask(self, request: Request, deadline: float) -> Turn:
        """One turn of the first model that answers; its usage holds what failed attempts cost too.

        An empty or refused answer is given back only where no other model is left to ask.

        Raises:
            NoModelLeft: every model failed.
            ContextFull: another model would not help.
            DeadlineReached: the run's time is over; until then a silent model is left for the next one.
        """
        spent = Usage()
        unused: Turn | None = None
        while self._at < len(self._models):
            try:
                turn = self._ask_one(self._models[self._at], request, self._until(deadline))
            except ContextFull:
                raise
            except DeadlineReached as error:
                if self._is_last or time.monotonic() >= deadline:
                    raise
                self._leave(ModelUnavailable(error.model, "no answer in the time that it had", error.usage))
                continue
            except ModelError as error:
                spent += error.usage
                self._leave(error)
                continue
            spent += turn.usage
            self._tell_served(turn)
            if turn.stop not in PASSED_ON or self._is_last:
                return replace(turn, usage=spent)
            unused = turn
            self._leave(ModelError(turn.asked, f"it gave no usable answer ({turn.stop})"))
        if unused is None:
            raise NoModelLeft(self._failed, spent)
        return replace(unused, usage=spent)

    def hand_over(self) -> str | None:
        """Leave the rule-based model, which mended nothing, for the next one; the id of that one.

        None where another model has answered, or none is left: what a model says is the end of a run.
        """
        if self.id != BUILTIN or self._is_last or self._at == len(self._models):
            return None
        self._at += 1
        return self.id

    def close(self) -> None:
        """Close the connections of the models that have any."""
        for model in self._models:
            if isinstance(model, RemoteModel):
                model.close()

    def _ask_one(self, model: Model, request: Request, deadline: float) -> Turn:
        """Ask one model, again after a transient fault or an empty answer."""
        wasted: list[Usage] = []

        def last_outcome(state: RetryCallState) -> Turn:
            assert state.outcome is not None
            turn: Turn = state.outcome.result()
            return turn

        def ask() -> Turn:
            turn = model.ask(request, deadline)
            wasted.append(turn.usage)
            return turn

        retrying = Retrying(
            retry=retry_if_exception_type(Transient) | retry_if_result(lambda turn: turn.stop == "empty"),
            stop=_Stop(self._retries, deadline),
            wait=_Wait(self._retries),
            sleep=self._retries.sleep,
            retry_error_callback=last_outcome,
        )
        turn: Turn = retrying(ask)
        return replace(turn, usage=sum(wasted[:-1], Usage()) + turn.usage)

    @property
    def _is_last(self) -> bool:
        return self._at + 1 == len(self._models)

    def _until(self, deadline: float) -> float:
        """When the model that is asked now has to be done, so that there is time to ask the next one."""
        if self._is_last:
            return deadline
        return deadline - min(RESERVE_S, RESERVED * max(0.0, deadline - time.monotonic()))

    def _leave(self, error: ModelError) -> None:
        left = self._models[self._at].id
        self._failed.append(Attempt(left, error))
        self._at += 1
        following = self._models[self._at].id if self._at < len(self._models) else None
        self._on_left(Left(left, error.message, following))

    def _tell_served(self, turn: Turn) -> None:
        pair = (turn.asked, turn.served)
        if family(turn.served) != family(turn.asked) and pair not in self._told:
            self._told.add(pair)
            self._on_note(f"asked for {turn.asked}, but {turn.served} answered")


class _Wait(wait_base):
    """What the provider asks for, else longer with each attempt, with chance in it."""

    def __init__(self, retries: Retries) -> None:
        self._growing = wait_random_exponential(multiplier=retries.first_wait_s, max=retries.longest_wait_s)

    def __call__(self, retry_state: RetryCallState) -> float:
        asked = _asked_for(retry_state)
        return self._growing(retry_state) if asked is None else asked


class _Stop(stop_base):
    """After enough attempts, or where the wait would be too long or outlive the deadline."""

    def __init__(self, retries: Retries, deadline: float) -> None:
        self._retries = retries
        self._deadline = deadline

    def __call__(self, retry_state: RetryCallState) -> bool:
        wait = retry_state.upcoming_sleep
        return (
            retry_state.attempt_number >= self._retries.attempts
            or wait > self._retries.longest_wait_s
            or time.monotonic() + wait >= self._deadline
        )


def _asked_for(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, Transient) else None
