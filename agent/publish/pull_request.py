"""One open pull request per fault: opened, found again after a kill, or told that the fault came back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
)

from agent.publish.body import fit
from agent.publish.forge import Exists, Forge, ForgeError, Proposal, PullRequest, Unavailable
from agent.publish.publication import Publication
from agent.publish.push import PushUnavailable

T = TypeVar("T")

OURS = "autoheal/"
_MARKER = re.compile(
    r"<!-- autohealer fingerprint=(?P<fingerprint>\S+) incident=(?P<incident>\S+) run=(?P<run>\d+) -->"
)
_AGAIN = re.compile(
    r"<!-- autohealer again -->\n(?P<entries>.*?)<!-- autohealer end of again -->\n", re.DOTALL
)
_MOST_TOLD = 10

How = Literal["opened", "found", "updated"]


class TooManyOpen(ForgeError):
    """As many pull requests of ours are open as may be; the branch is there without one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on with a remote or a forge that fails. Times are seconds, of all attempts together."""

    attempts: int = 4
    pause_s: float = 1.0
    total_s: float = 120.0

    def do(self, step: Callable[[], T]) -> T:
        """Do a step that may be done twice, until it works or patience ends; its last error is raised."""
        return Retrying(
            retry=retry_if_exception_type((Unavailable, PushUnavailable)),
            wait=self._wait,
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.total_s),
            reraise=True,
        )(step)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "wait_s", None)
        return float(asked) if asked is not None else wait_exponential(self.pause_s, max=20.0)(state)


def propose(
    forge: Forge, publication: Publication, base: str, most_open: int, patience: Patience
) -> tuple[PullRequest, How]:
    """See to it that there is exactly one open pull request for the fault.

    Every attempt looks at what is open first, so that an answer that was lost doubles nothing.

    Raises:
        TooManyOpen: there are `most_open` of ours for other faults.
        ForgeError: the forge refused, or patience ended.
    """
    request, how = patience.do(lambda: _found_or_opened(forge, publication, base, most_open))
    if how != "updated":
        return request, how
    told = told_again(request.body, publication)
    if told is not None:
        patience.do(lambda: forge.update(request.number, fit(told, forge.body_limit, publication.incident)))
        # Not repeated: a comment that was lost on the way may stand there all the same.
        forge.comment(request.number, _comment(publication))
    return request, how


def _found_or_opened(
    forge: Forge, publication: Publication, base: str, most_open: int
) -> tuple[PullRequest, How]:
    ours = forge.open_requests(OURS)
    for request in ours:
        if request.head == publication.branch:
            return request, "found"
    for request in ours:
        if request.head.startswith(publication.prefix) and _fault(request) == publication.fingerprint:
            return request, "updated"
    if len(ours) >= most_open:
        raise TooManyOpen(f"{len(ours)} pull requests of AutoHealer are open, as many as may be (most_open)")
    body = fit(publication.body, forge.body_limit, publication.incident)
    try:
        return forge.create(Proposal(publication.branch, base, publication.title, body)), "opened"
    except Exists as exists:
        # The list may lag behind what was created a moment ago.
        raise Unavailable(f"it exists and is not listed yet: {exists}") from exists


def _fault(request: PullRequest) -> str | None:
    # Only the first marker is ours for certain: what follows may quote a log.
    found = _MARKER.search(request.body)
    return found["fingerprint"] if found else None


def told_again(body: str, publication: Publication) -> str | None:
    """The body of an open pull request with the new incident told at its top; None where it is told already.

    What people wrote elsewhere in the body stays.
    """
    run = f"<!-- {publication.incident} {publication.run} -->"
    if run in body:
        return None
    found = _AGAIN.search(body)
    entries = (
        found["entries"].splitlines()
        if found
        else ["**It happened again**, at a newer commit or before this was merged:"]
    )
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    entries.append(
        f"- {moment}: incident `{publication.incident}`, proven anew on `{publication.base[:12]}` "
        f"in branch `{publication.branch}` ({publication.proof_line}) {run}"
    )
    section = "\n".join(
        [
            "<!-- autohealer again -->",
            entries[0],
            *entries[1:][-_MOST_TOLD:],
            "<!-- autohealer end of again -->\n",
        ]
    )
    if found:
        return body[: found.start()] + section + body[found.end() :]
    marker = _MARKER.search(body)
    place = marker.end() if marker else 0
    return f"{body[:place]}\n{section}\n{body[place:].lstrip()}"


def _comment(publication: Publication) -> str:
    return (
        f"The same fault came back: incident `{publication.incident}`, at `{publication.base[:12]}`. "
        f"A new run made branch `{publication.branch}`: {publication.proof_line}. "
        f"This pull request still holds its own, earlier patch."
    )
