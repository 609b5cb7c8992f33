"""What every way to a person looks like, and what may go wrong on it.

ChannelError
└── Later    may work in a moment; `wait_s` is how long the other side asks to wait
"""

from __future__ import annotations

from typing import Any, Protocol

from agent.notify.book import Thread
from agent.notify.text import Message


class ChannelError(Exception):
    """A message could not be delivered; the text holds no secret."""


class Later(ChannelError):
    """It may work later."""

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Unsure(Later):
    """It may have arrived, so it is tried once more at most."""


class Channel(Protocol):
    """One way to tell people."""

    @property
    def name(self) -> str:
        """A stable name, under which is kept what was told."""

    @property
    def edits(self) -> bool:
        """Whether a message that was sent can be brought up to date."""

    def send(self, message: Message, thread: Thread, ref: str | None) -> str | None:
        """Tell a thread; `ref` is what an earlier call for the same thread returned.

        Raises:
            ChannelError: it was not delivered.
        """


def post(url: str, body: Any, headers: dict[str, str], timeout_s: float, name: str) -> tuple[int, Any, Any]:
    """POST JSON once: status, body as JSON or text, and headers.

    Raises:
        Later: no connection, or no answer in time. Which host it was is not told: URLs hold secrets.
    """
    import httpx2

    try:
        answer = httpx2.post(url, json=body, headers=headers, timeout=timeout_s)
    except httpx2.InvalidURL as error:
        raise ChannelError(f"{name}: the URL is not one") from error
    except httpx2.ReadTimeout as error:
        raise Unsure(f"{name}: no answer within {timeout_s:g} s") from error
    except httpx2.TransportError as error:
        raise Later(f"{name}: {type(error).__name__}") from error
    try:
        told: Any = answer.json()
    except ValueError:
        told = answer.text[:200]
    return answer.status_code, told, answer.headers
