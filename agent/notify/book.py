"""Which pages belong together, and what is worth telling on a channel: pure rules on plain values.

One root cause is one thread. A page joins the thread of its incident; once its cause is known, that of
its cause. A thread that was told is told again only where there is news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agent.notify.page import PASSING, Page, Stage

KEPT_S = 7 * 86_400.0
MOST_THREADS = 200
HOUR_S = 3600.0
STALE_S = 6 * HOUR_S
"""What could not be told for so long is not news any more."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When to tell. Times are seconds."""

    settle_s: float = 3.0
    throttle_s: float = 300.0
    most_per_hour: int = 30


@dataclass(frozen=True, slots=True)
class Sent:
    """What a channel was told last of a thread; `ref` is the channel's own name of that message."""

    version: int
    stage: Stage
    at: float
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """Everything with one root cause. `life` is each stage with its time, `times` how often it went down.

    `back` are the services that beat again: the thread is healed when all of them do. `taken` names
    the pages that it holds.
    """

    key: str
    services: tuple[str, ...]
    incidents: tuple[str, ...]
    cause: str
    page: Page
    opened: float
    version: int = 1
    times: int = 1
    back: tuple[str, ...] = ()
    life: tuple[tuple[Stage, float], ...] = ()
    taken: tuple[str, ...] = ()
    sent: Mapping[str, Sent] = field(default_factory=dict)

    def joined(self, page: Page) -> Thread:
        """The thread with a page added; what the page leaves open stays as it was."""
        taken = (*self.taken, _name(page))[-100:]
        back = tuple(name for name in self.back if name != page.service)
        if page.stage == "healed":
            back = (*back, page.service)
            if set(self.services) - set(back):
                return replace(self, back=back, taken=taken)
        services = self.services if page.service in self.services else (*self.services, page.service)
        if page.stage == "down" and services != self.services and self.page.stage != "healed":
            # Another victim of the same cause: what was said of the cause stays.
            return replace(self, services=services, version=self.version + 1, back=back, taken=taken)
        page = replace(
            page,
            incident=page.incident or self.page.incident,
            link=page.link or (self.page.link if page.stage == "healed" else ""),
        )
        again = page.stage == "down" and self.page.stage not in PASSING
        known = not page.incident or page.incident in self.incidents
        return replace(
            self,
            services=services,
            incidents=self.incidents if known else (*self.incidents, page.incident),
            cause=page.cause or self.cause,
            page=page,
            version=self.version + 1,
            times=self.times + again,
            back=back,
            taken=taken,
            life=(*self.life, (page.stage, page.at))[-20:],
        )

    def is_over(self, at: float, throttle_s: float) -> bool:
        """Whether what happens now is another story."""
        quiet = at - self.page.at
        return quiet > 86_400.0 or (self.page.stage == "healed" and quiet > throttle_s)


def _opened(page: Page) -> Thread:
    key = f"{page.at:.3f}-{page.service}-{page.incident}"
    incidents = (page.incident,) if page.incident else ()
    life = ((page.stage, page.at),)
    return Thread(key, (page.service,), incidents, page.cause, page, page.at, life=life, taken=(_name(page),))


def _name(page: Page) -> str:
    return f"{page.stage} {page.at} {page.service} {page.incident}"


@dataclass(frozen=True, slots=True)
class Book:
    """All threads, and when each channel was told something within the last hour."""

    threads: tuple[Thread, ...] = ()
    told: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def with_page(self, page: Page, throttle_s: float) -> Book:
        """The book with a page in its thread; threads that turn out to be one are joined."""
        of_incident = self._thread(page, throttle_s, "incident") or self._thread(page, throttle_s, "service")
        of_cause = self._thread(page, throttle_s, "cause")
        home = of_cause or of_incident
        if home is None and page.stage == "healed":
            return self
        if home is not None and _name(page) in home.taken:
            # A courier was killed before it could take the page's file away.
            return self
        if home is None:
            return replace(self, threads=(*self.threads, _opened(page))[-MOST_THREADS:])
        joined = home.joined(page)
        if of_incident is not None and of_incident is not home:
            joined = replace(
                joined,
                services=tuple(dict.fromkeys((*joined.services, *of_incident.services))),
                incidents=tuple(dict.fromkeys((*joined.incidents, *of_incident.incidents))),
            )
        rest = tuple(thread for thread in self.threads if thread is not home and thread is not of_incident)
        return replace(self, threads=(*rest, joined))

    def _thread(self, page: Page, throttle_s: float, by: str) -> Thread | None:
        for thread in reversed(self.threads):
            if by == "incident" and page.incident and page.incident in thread.incidents:
                return thread
            if thread.is_over(page.at, throttle_s):
                continue
            if by == "cause" and page.cause and page.cause == thread.cause:
                return thread
            # Only what names no incident is about whatever the service has.
            if by == "service" and not page.incident and not page.cause and page.service in thread.services:
                return thread
        return None

    def with_sent(self, channel: str, thread: Thread, ref: str | None, now: float) -> Book:
        """The book after a channel was told of a thread."""
        sent = Sent(thread.version, thread.page.stage, now, ref)
        threads = tuple(
            replace(one, sent={**one.sent, channel: sent}) if one.key == thread.key else one
            for one in self.threads
        )
        recent = tuple(at for at in self.told.get(channel, ()) if now - at < HOUR_S)
        return replace(self, threads=threads, told={**self.told, channel: (*recent, now)})

    def pruned(self, now: float) -> Book:
        """The book without what is old."""
        return replace(self, threads=tuple(one for one in self.threads if now - one.page.at < KEPT_S))


@dataclass(frozen=True, slots=True)
class Due:
    """What a channel is told now, and when something may become due (Unix seconds; None: nothing waits).

    `is_full` says that this is all that may be told within an hour.
    """

    threads: tuple[Thread, ...]
    next_at: float | None
    is_full: bool = False


def due(book: Book, channel: str, rules: Rules, now: float, *, edits: bool) -> Due:
    """What is worth telling on a channel. `edits` says that it can change what it was told before."""
    ready, waiting = [], []
    for thread in book.threads:
        sent = thread.sent.get(channel)
        stale = now - thread.page.at > STALE_S
        if stale or (sent is not None and not _is_news(thread, sent, rules, now, edits=edits)):
            continue
        settled = thread.opened + rules.settle_s
        if sent is None and thread.page.stage in PASSING and now < settled:
            waiting.append(settled)
        else:
            ready.append(thread)
    recent = sum(now - at < HOUR_S for at in book.told.get(channel, ()))
    room = rules.most_per_hour - recent
    return Due(tuple(ready[: max(0, room)]), min(waiting, default=None), bool(ready) and len(ready) >= room)


def _is_news(thread: Thread, sent: Sent, rules: Rules, now: float, *, edits: bool) -> bool:
    if thread.version <= sent.version:
        return False
    if edits:
        return True
    if thread.page.stage in PASSING:
        # After an end it is down again; else its end is what comes next.
        return sent.stage not in PASSING and thread.page.stage == "down" and now - sent.at >= rules.throttle_s
    return thread.page.stage != sent.stage or now - sent.at >= rules.throttle_s
