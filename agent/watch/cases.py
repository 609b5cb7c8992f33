"""Incidents from the moment they are opened until their heal has ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from agent.watch.config import WatchConfig
from agent.watch.heals import Finished, Heals
from agent.watch.restraint import Memory, Verdict, judge, load_memory, save_memory
from agent.watch.signals import Kind, Signal
from agent.watch.tickets import MOST_ATTEMPTS, Ticket, has_result, unfinished, write_ticket
from tools.capture import Evidence, sweep_partial, write_incident
from tools.redact import Redactor

BUSY = 7
BUSY_PAUSE_S = 10.0


class Cases:
    """Opens incidents, holds back what must not be healed, and runs the heals.

    Args:
        tell: gets a signal for each heal that is started, refused or ended.
    """

    def __init__(self, config: WatchConfig, tell: Callable[[Signal], None]) -> None:
        self._config, self._tell = config, tell
        self._incidents = config.state / "incidents"
        self._file = config.state / "watch" / "memory.json"
        self._memory: Memory = load_memory(self._file)
        self._heals = Heals(config.heal, config.concurrent)
        self._queue: deque[Ticket] = deque()
        self._tickets: dict[str, Ticket] = {}
        self._not_before: dict[str, float] = {}

    def resume(self) -> None:
        """Take up what an earlier watch left unfinished."""
        sweep_partial(self._incidents)
        self._queue.extend(unfinished(self._incidents))

    def is_settled(self, service: str, pid: int | None, recorded_at: float | None) -> bool:
        """Was this very death dealt with, perhaps by an earlier watch?"""
        return self._memory.settled.get(service) == (pid, recorded_at)

    def settle(self, service: str, pid: int | None, recorded_at: float | None) -> None:
        """This death is dealt with."""
        self._keep(self._memory.with_settled(service, pid, recorded_at))

    def open(self, evidence: Evidence, trigger: str, redact: Redactor) -> str:
        """Write an incident and decide about it; returns its id. Raises OSError."""
        incident = write_incident(evidence, self._incidents, trigger, redact).id
        self._queue.append(write_ticket(self._incidents, Ticket(incident, evidence.service, "queued")))
        return incident

    def work(self, enabled: bool) -> None:
        """Take note of heals that ended, and start those whose turn it is."""
        for ended in self._heals.finished():
            self._ended(ended)
        for _ in range(len(self._queue)):
            ticket = self._queue.popleft()
            if time.monotonic() < self._not_before.get(ticket.incident, 0.0):
                self._queue.append(ticket)
                continue
            self._decide(ticket, enabled)

    def stop(self) -> None:
        """End the heals; their tickets stay as they are, for the next watch."""
        self._heals.stop()

    def _decide(self, ticket: Ticket, enabled: bool) -> None:
        verdict = self._verdict(ticket, enabled)
        if verdict.do == "wait":
            self._queue.append(ticket)
        elif verdict.do == "refuse":
            write_ticket(self._incidents, replace(ticket, state="refused", reason=verdict.reason))
            self._say("heal_refused", ticket, verdict.reason)
        else:
            self._start(ticket)

    def _verdict(self, ticket: Ticket, enabled: bool) -> Verdict:
        if ticket.attempts:
            # A heal that was cut short goes on: the cooldown counts from its own start.
            waiting = self._heals.full or ticket.service in self._heals.services
            return Verdict("wait") if waiting else Verdict("start")
        config, now = self._config, time.time()
        healing, full = self._heals.services, self._heals.full
        return judge(ticket.service, self._memory, now, config.cooldown_s, enabled, healing, full)

    def _start(self, ticket: Ticket) -> None:
        ticket = replace(ticket, state="running", attempts=ticket.attempts + 1)
        self._tickets[ticket.incident] = write_ticket(self._incidents, ticket)
        self._keep(self._memory.with_heal(ticket.service, time.time()))
        self._heals.start(ticket.service, ticket.incident, self._incidents / ticket.incident / "heal.log")
        self._say("heal_started", ticket, f"healing {ticket.service}", attempt=ticket.attempts)

    def _ended(self, ended: Finished) -> None:
        ticket = self._tickets.pop(ended.incident)
        details = {"exit_code": ended.code, "seconds": round(ended.seconds, 1)}
        if ended.code == BUSY:
            self._not_before[ticket.incident] = time.monotonic() + BUSY_PAUSE_S
            self._queue.append(replace(ticket, attempts=ticket.attempts - 1))
        elif not has_result(self._incidents / ticket.incident) and ticket.attempts < MOST_ATTEMPTS:
            self._queue.append(ticket)
        else:
            reason = f"the heal ended with exit code {ended.code}"
            write_ticket(self._incidents, replace(ticket, state="ended", reason=reason))
            self._say("heal_ended", ticket, f"{reason} after {ended.seconds:.0f} s", **details)

    def _keep(self, memory: Memory) -> None:
        self._memory = memory
        save_memory(self._file, memory)

    def _say(self, event: Kind, ticket: Ticket, reason: str, **data: object) -> None:
        self._tell(Signal(event, time.time(), reason, ticket.service, None, ticket.incident, data))
