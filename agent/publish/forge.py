"""What is asked of a forge, whichever it is; and everything that may go wrong there.

ForgeError
├── Unauthorized     no token, an expired one, or one that may not do this: a person has to act
├── NotThere         no such project, or the token may not see it
├── Exists           a pull request of this branch is open already
├── Refused          the request is wrong for good
└── Unavailable      may work later: no connection, a time-out, a 5xx; what was sent may have been done
    └── RateLimited  the forge says when to come back
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ForgeError(Exception):
    """A forge did not do what it was asked; the message says what a person can do."""


class Unauthorized(ForgeError):
    """The token is missing, expired, or may not do this."""


class NotThere(ForgeError):
    """There is no such project, or the token may not see it."""


class Exists(ForgeError):
    """There is an open pull request of this branch."""


class Refused(ForgeError):
    """The request will not work however often it is sent."""


class Unavailable(ForgeError):
    """It may work later. A request that was sent may have been carried out."""

    wait_s: float | None = None
    """Seconds that the forge asks to wait, if it does."""


class RateLimited(Unavailable):
    """Too many requests. `wait_s` is how long to stay away."""

    def __init__(self, message: str, wait_s: float | None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Proposal:
    """What shall be opened. `head` and `base` are branch names without `refs/heads/`."""

    head: str
    base: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One open pull request (GitLab: merge request) from a branch of the project itself."""

    number: int
    url: str
    head: str
    title: str
    body: str


class Forge(Protocol):
    """One project on one forge. Each method is one step and raises ForgeError; none of them retries."""

    @property
    def name(self) -> str:
        """The forge's name for people."""

    @property
    def body_limit(self) -> int:
        """How long a body may be, in UTF-8 bytes."""

    def default_branch(self) -> str:
        """The branch that changes are merged into."""

    def open_requests(self, prefix: str) -> list[PullRequest]:
        """The open pull requests whose head is a branch of this very project and starts with `prefix`."""

    def create(self, proposal: Proposal) -> PullRequest:
        """Open a draft. A connection that breaks may leave it open: look before asking again."""

    def update(self, number: int, body: str) -> None:
        """Replace the body; the title, which says whether it is a draft, stays as people left it."""

    def comment(self, number: int, text: str) -> None:
        """Say something below a pull request, which notifies who follows it."""

    def label(self, number: int, labels: tuple[str, ...]) -> None:
        """Add labels, made where the project has none of the name."""
