"""Incidents from the moment they are opened until their heal has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from agent.exit import Exit
from agent.watch.closure import fate_of_branch
from agent.watch.config import WatchConfig
from agent.watch.coroner import Death
from agent.watch.heals import Finished, Heals
from agent.watch.restraint import Restraint, Verdict, judge
from agent.watch.signals import Kind, Signal
from agent.watch.tickets import (
    FILE,
    MOST_ATTEMPTS,
    TAKEN_AWAY,
    Ticket,
    cost_of,
    last_result,
    read_tickets,
    settled_deaths,
    write_ticket,
)
from tools.capture import Evidence, sweep_partial, write_incident
from tools.redact import Redactor

OLDEST_S = 30 * 86_400.0
"""Branches of older incidents are not looked after any more."""


class Cases:
    """Opens incidents, holds back what must not be healed, and runs the heals.

    Args:
        tell: gets a signal for each heal that is started, refused or ended.
    """

    def __init__(self, config: WatchConfig, tell: Callable[[Signal], None]) -> None:
        self._restraint: Restraint = config.restraint
        self._pause_s = config.pause_s
        self._healed_s = config.healed_s
        self._tell = tell
        self.incidents: Path = config.state / "incidents"
        self._heals = Heals(config.heal, config.concurrent)
        self._tickets = {ticket.incident: ticket for ticket in read_tickets(self.incidents)}
        self._settled = settled_deaths(self._tickets.values())
        self._not_before: dict[str, float] = {}

    def resume(self) -> None:
        """Take up what an earlier watch left: heals that still run, and incidents that wait for one."""
        sweep_partial(self.incidents)
        for ticket in list(self._tickets.values()):
            if ticket.state == "running" and not self._adopted(ticket):
                self._after(ticket, None, 0.0)

    def is_settled(self, service: str, death: tuple[int | None, float | None]) -> bool:
        """Was an incident opened for this very death, perhaps by an earlier watch?"""
        return self._settled.get(service) == death

    def settle(self, service: str, death: tuple[int | None, float | None]) -> None:
        """This death is told."""
        self._settled[service] = death

    def open(self, death: Death, trigger: str, redact: Redactor) -> str:
        """Write an incident that waits for its heal; returns its id. Raises OSError."""
        fate = death.fate
        ticket = Ticket("", fate.service, "queued", death=death.identity, signature=fate.ending.signature)
        return self._write(death.evidence, trigger, redact, ticket)

    def open_untreated(self, evidence: Evidence, trigger: str, redact: Redactor, reason: str) -> str:
        """Write an incident that no heal can help; returns its id. Raises OSError."""
        return self._write(evidence, trigger, redact, Ticket("", evidence.service, "refused", reason))

    def latest_of(self, service: str) -> Ticket | None:
        """The last incident of a service."""
        own = [ticket for ticket in self._tickets.values() if ticket.service == service]
        return max(own, key=lambda ticket: ticket.opened, default=None)

    def close_old(self, repo: Path, well_since: Mapping[str, float], now: float) -> None:
        """Look what became of branches: merged and the service beats long enough, or taken away.

        Args:
            well_since: since when each service beats without a break, Unix seconds.
        """
        for ticket in [t for t in self._tickets.values() if t.state == "ended" and t.outcome == "branch"]:
            if now - ticket.opened > OLDEST_S or self._is_declined_meanwhile(ticket):
                continue
            result = last_result(self.incidents / ticket.incident) or {}
            fate = fate_of_branch(repo, result)
            since = well_since.get(ticket.service)
            if fate == "gone":
                self._keep(replace(ticket, state="declined", reason=TAKEN_AWAY))
                self._say("declined", ticket, f"the branch for {ticket.service} was taken away unmerged")
            elif (
                fate == "merged" and since is not None and now - max(since, ticket.started) >= self._healed_s
            ):
                self._keep(replace(ticket, state="healed", reason="its branch was merged and it beats"))
                self._say("healed", ticket, f"{ticket.service} beats with the merged branch")

    def recurrence_of(self, service: str, signature: str | None) -> Ticket | None:
        """The healed incident of which this fault is the return; it is marked so."""
        found = [
            t
            for t in self._tickets.values()
            if t.state == "healed" and t.service == service and t.signature == signature is not None
        ]
        if not found:
            return None
        self._keep(replace(found[-1], state="recurred", reason="the same fault came back"))
        return found[-1]

    def work(self, enabled: bool) -> None:
        """Take note of heals that ended, and start those whose turn it is."""
        for ended in self._heals.finished():
            self._after(self._tickets[ended.incident], ended, ended.seconds)
        for ticket in [ticket for ticket in self._tickets.values() if ticket.state == "queued"]:
            if time.monotonic() >= self._not_before.get(ticket.incident, 0.0):
                self._decide(ticket, enabled)

    @property
    def active(self) -> tuple[str, ...]:
        """Services that are being healed now."""
        return tuple(sorted(self._heals.services))

    def tickets(self) -> list[Ticket]:
        """All tickets as they are now, the oldest incident first."""
        return sorted(self._tickets.values(), key=lambda ticket: ticket.opened)

    def cooldowns(self, now: float) -> dict[str, tuple[float, float]]:
        """By service: when its last heal began, and the seconds that are left of its cooldown."""
        begun = {ticket.service: ticket.started for ticket in self.tickets() if ticket.started}
        left = {service: self._restraint.cooldown_s - (now - last) for service, last in begun.items()}
        return {service: (begun[service], seconds) for service, seconds in left.items() if seconds > 0}

    def stop(self) -> None:
        """End the heals; their tickets stay as they are, for the next watch."""
        self._heals.stop()

    def _write(self, evidence: Evidence, trigger: str, redact: Redactor, blank: Ticket) -> str:
        kept: list[Ticket] = []

        def ticket(incident: str) -> dict[str, str]:
            kept.append(replace(blank, incident=incident, opened=time.time()))
            return {FILE: kept[0].json()}

        incident = write_incident(evidence, self.incidents, trigger, redact, ticket).id
        self._tickets[incident] = kept[0]
        self._settled[evidence.service] = blank.death
        return incident

    def _adopted(self, ticket: Ticket) -> bool:
        return self._heals.adopt(ticket.service, ticket.incident, ticket.child)

    def _decide(self, ticket: Ticket, enabled: bool) -> None:
        if ticket.attempts and last_result(self.incidents / ticket.incident) is not None:
            self._after(ticket, None, 0.0)
            return
        verdict = self._judged(ticket, enabled)
        if verdict.do == "start":
            self._take_in_refusals()
            verdict = self._judged(ticket, enabled)
        if verdict.do == "refuse":
            self._keep(replace(ticket, state="refused", reason=verdict.reason))
            self._say("heal_refused", ticket, verdict.reason)
        elif verdict.do == "start":
            self._start(ticket)
        elif verdict.reason != ticket.reason:
            self._keep(replace(ticket, reason=verdict.reason))
            self._say("heal_waits", ticket, verdict.reason)

    def _judged(self, ticket: Ticket, enabled: bool) -> Verdict:
        earlier = [other for other in self._tickets.values() if other.incident != ticket.incident]
        healing, full = self._heals.services, self._heals.full
        return judge(
            ticket, earlier, self._restraint, time.time(), enabled=enabled, healing=healing, full=full
        )

    def _is_declined_meanwhile(self, ticket: Ticket) -> bool:
        """Did a person decline its branch by AutoHealer's own command? That ticket says why."""
        self._take_in_refusals(ticket.incident)
        now = self._tickets[ticket.incident]
        if now.state == "declined":
            self._say("declined", now, now.reason)
        return now.state == "declined"

    def _take_in_refusals(self, incident: str = "*") -> None:
        """Tickets that another process wrote as declined, also of incidents that no watch opened."""
        for ticket in read_tickets(self.incidents, incident):
            if ticket.state == "declined":
                self._tickets[ticket.incident] = ticket

    def _start(self, ticket: Ticket) -> None:
        log = self.incidents / ticket.incident / "heal.log"
        # Counted before it begins: a heal that takes the watch down with it is not tried for ever.
        attempts = ticket.attempts + 1
        ticket = replace(
            ticket, state="running", reason="", attempts=attempts, started=time.time(), child=None
        )
        self._keep(ticket)
        try:
            child = self._heals.start(ticket.service, ticket.incident, log)
        except OSError as error:
            reason = f"the heal could not be started: {error}"
            self._keep(replace(ticket, state="ended", reason=reason))
            self._say("heal_ended", ticket, reason, exit_code=None, outcome=None)
            return
        self._keep(replace(ticket, child=child))
        self._say("heal_started", ticket, f"healing {ticket.service}", attempt=ticket.attempts)

    def _after(self, ticket: Ticket, ended: Finished | None, seconds: float) -> None:
        """A heal has ended, now or while nobody watched: for good, or to be started again."""
        code = ended.code if ended else None
        result = last_result(self.incidents / ticket.incident)
        if code == Exit.BUSY and result is None:
            ticket = replace(ticket, attempts=ticket.attempts - 1)
        elif result is not None or ticket.attempts >= MOST_ATTEMPTS or (code is not None and code > 0):
            # An exit code of its own is an end, with or without a result: it would end so again.
            self._close(ticket, str(result["outcome"]) if result else None, code, seconds)
            return
        self._not_before[ticket.incident] = time.monotonic() + (self._pause_s if ended else 0.0)
        self._keep(replace(ticket, state="queued", child=None))

    def _close(self, ticket: Ticket, outcome: str | None, code: int | None, seconds: float) -> None:
        how = (
            f"its outcome is {outcome}" if outcome else f"it gave no result (exit code {code}), see heal.log"
        )
        cost = cost_of(self.incidents / ticket.incident)
        self._keep(replace(ticket, state="ended", reason=how, outcome=outcome, cost_usd=cost, child=None))
        details = {"exit_code": code, "outcome": outcome, "seconds": round(seconds, 1), "cost_usd": cost}
        self._say("heal_ended", ticket, f"the heal of {ticket.service} has ended: {how}", **details)

    def _keep(self, ticket: Ticket) -> None:
        self._tickets[ticket.incident] = write_ticket(self.incidents, ticket)

    def _say(self, event: Kind, ticket: Ticket, reason: str, **data: object) -> None:
        self._tell(Signal(event, time.time(), reason, ticket.service, None, ticket.incident, data))
