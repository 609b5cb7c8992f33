"""One request to an OpenAI-compatible server: a JSON body out, a JSON object back, or a typed fault.

The openai client carries it. Its own retries are off, key and base URL are always given, and
what it would read from the environment is switched off.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from agent.model.faults import message_of, status_fault
from agent.model.keys import Key
from agent.model.protocol import DeadlineReached, ModelError, Transient
from agent.model.spec import ModelSpec

if TYPE_CHECKING:
    from openai import OpenAI
    from openai._types import RequestOptions

    Send = Callable[[OpenAI, RequestOptions], object]

T = TypeVar("T")


class TimedOut(Exception):
    """A function was not done in time; its thread was left behind."""


class Wire:
    """The connection to one model's server. The client is made with the first request."""

    def __init__(self, spec: ModelSpec, key: Key) -> None:
        self.spec = spec
        self._key = key
        self._client: OpenAI | None = None
        self._waiter = Waiter()

    def post(self, path: str, body: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        """Send `body` and give back the answer's JSON object.

        `deadline` is in `time.monotonic()` seconds; the request ends there, or after the spec's
        own time-out, whichever comes first, also when the answer trickles in byte by byte.

        Raises:
            ModelError: see agent.model.protocol.
        """
        return self._answer(
            lambda client, options: client.post(path, cast_to=object, body=dict(body), options=options),
            deadline,
        )

    def get(self, path: str, deadline: float) -> dict[str, Any]:
        """The same for a GET request, such as the list of models."""
        return self._answer(
            lambda client, options: client.get(path, cast_to=object, options=options), deadline
        )

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _answer(self, send: Send, deadline: float) -> dict[str, Any]:
        seconds = min(self.spec.timeout_s, deadline - time.monotonic())
        if seconds <= 0:
            raise DeadlineReached(self.spec.id, "no time is left to ask")
        client, options = self._connected(), self._options(seconds)
        try:
            answer = self._waiter.call(seconds, lambda: self._typed(lambda: send(client, options)))
        except TimedOut:
            self.close()
            raise self._late(seconds, deadline) from None
        if not isinstance(answer, dict):
            told = message_of(answer) or "nothing"
            raise Transient(self.spec.id, f"the answer is no JSON object but {told[:120]!r}")
        return answer

    def _typed(self, send: Callable[[], T]) -> T:
        """Call the client; what it raises becomes an outcome of ours, without the key in it."""
        import httpx2
        import openai

        try:
            return send()
        except openai.APIStatusError as error:
            body = error.body if error.body is not None else error.response.text
            raise self._clean(
                status_fault(self.spec.id, error.status_code, body, error.response.headers)
            ) from None
        except openai.APITimeoutError as error:
            raise Transient(self.spec.id, "no answer in time") from error
        except openai.APIConnectionError as error:
            raise Transient(self.spec.id, f"no connection: {_cause(error)}") from error
        except (ValueError, openai.APIError, httpx2.HTTPError) as error:
            raise Transient(self.spec.id, f"the answer cannot be read: {type(error).__name__}") from error

    def _clean(self, fault: ModelError) -> ModelError:
        if self._key.value in fault.message:
            told = fault.message.replace(self._key.value, "[key]")
            fault.message, fault.args = told, (f"{fault.model}: {told}",)
        return fault

    def _late(self, seconds: float, deadline: float) -> ModelError:
        if time.monotonic() >= deadline - 0.05:
            return DeadlineReached(self.spec.id, "the run's time was over before the answer was complete")
        return Transient(self.spec.id, f"no complete answer within {seconds:.0f} s")

    def _connected(self) -> OpenAI:
        if self._client is None:
            from openai import OpenAI  # 0.4 s, so not before a model is asked

            self._client = OpenAI(api_key=self._key.value, base_url=self.spec.base_url, max_retries=0)
            weakref.finalize(self, self._client.close)
        return self._client

    def _options(self, seconds: float) -> RequestOptions:
        from openai import Omit, Timeout

        return {
            "timeout": Timeout(seconds, connect=min(seconds, self.spec.connect_s)),
            "headers": {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()},
        }


class Waiter:
    """Calls functions in a thread and waits for each a bounded time.

    A time-out of a socket counts from byte to byte, so a server that trickles outlives it; this
    does not. A thread that is not done is left behind and ends with its socket or with the process;
    one that is done serves the next call.
    """

    def __init__(self) -> None:
        self._idle: SimpleQueue[Callable[[], None] | None] | None = None

    def call(self, seconds: float, function: Callable[[], T]) -> T:
        """What `function` gives back or raises.

        Raises:
            TimedOut: it was not done in time.
        """
        done: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

        def work() -> None:
            try:
                done.put((function(), None))
            except BaseException as error:  # noqa: BLE001  (carried over to the waiting thread)
                done.put((None, error))

        queue, self._idle = self._idle or self._started(), None
        queue.put(work)
        try:
            value, error = done.get(timeout=seconds)
        except BaseException as early:
            queue.put(None)
            if isinstance(early, Empty):
                raise TimedOut from None
            raise
        self._idle = queue
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def _started(self) -> SimpleQueue[Callable[[], None] | None]:
        queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=_work_off, args=(queue,), name="model-request", daemon=True).start()
        weakref.finalize(self, queue.put, None)
        return queue


def _work_off(queue: SimpleQueue[Callable[[], None] | None]) -> None:
    while (work := queue.get()) is not None:
        work()
        del work  # what it holds may go while nothing is to be done


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}"[:200]
