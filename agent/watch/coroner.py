"""Evidence of every death, taken when it happens and kept until it is known what to make of it."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agent.watch.correlate import Fate
from agent.watch.endings import ending_of
from agent.watch.eyes import Eyes
from agent.watch.kernel import out_of_memory_kills
from agent.watch.picture import Ending, Known
from sandbox.git import GitError
from tools.capture import Evidence
from tools.health import Health

MANY, MANY_S = 5, 2.0
"""A service that dies so often in so many seconds gets no new evidence: a tight loop must cost little."""


OUT_OF_MEMORY = "the kernel killed a process for lack of memory at that moment"


@dataclass(frozen=True, slots=True)
class Notice:
    """A process that was seen to end, and its exit code where that could be had."""

    service: str
    pid: int
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Death:
    """One death. `recorded_at` is when its PID file was written, Unix seconds."""

    pid: int | None
    recorded_at: float | None
    evidence: Evidence
    fate: Fate

    @property
    def identity(self) -> tuple[int | None, float | None]:
        """What tells this death from the next one of the same service."""
        return self.pid, self.recorded_at


class Coroner:
    """Keeps the last death of each service.

    Args:
        boot: when the machine started; PID files from before that are of no interest.
    """

    def __init__(self, eyes: Eyes, boot: float) -> None:
        self._eyes, self._boot = eyes, boot
        self._deaths: dict[str, Death] = {}
        self._recent: dict[str, deque[float]] = {}
        self._out_of_memory = out_of_memory_kills()

    def attend(self, health: Health, known: Mapping[str, Known], notices: Iterable[Notice]) -> None:
        """Take the evidence of deaths that were noticed, and of those that only the health shows."""
        notes = self._notes()
        for notice in notices:
            self.take(notice.service, health, notice.pid, None, notice.exit_code, notes)
        for service, state in health.services.items():
            process = state.process
            over = service in known and known[service].phase in ("down", "stopped")
            if process.alive is not False:
                continue
            kept = self._deaths.get(service)
            if kept is not None and kept.pid == process.pid:
                self._deaths[service] = replace(kept, recorded_at=process.recorded_at)
            elif not over and (process.recorded_at is None or process.recorded_at >= self._boot):
                self.take(service, health, process.pid, process.recorded_at, None, notes)

    def take(
        self,
        service: str,
        health: Health,
        pid: int | None = None,
        recorded_at: float | None = None,
        exit_code: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> Death | None:
        """Take the evidence of one death now; None when the checkout cannot be read."""
        recent = self._recent.setdefault(service, deque(maxlen=MANY))
        if len(recent) == MANY and time.monotonic() - recent[0] < MANY_S and service in self._deaths:
            self._deaths[service] = replace(self._deaths[service], pid=pid, recorded_at=recorded_at)
            return self._deaths[service]
        recent.append(time.monotonic())
        try:
            evidence = self._eyes.take(service, health, pid, exit_code, notes)
        except GitError:
            return None
        truth, ending = self._eyes.site.truth, ending_of(evidence.log)
        evidence = with_exit_code(evidence, ending)
        buses = truth.component(service).buses
        fate = Fate(service, evidence.at.timestamp(), ending, buses, truth.dependencies(service))
        self._deaths[service] = Death(pid, recorded_at, evidence, fate)
        return self._deaths[service]

    def _notes(self) -> tuple[str, ...]:
        """What the kernel did since the last time: nobody else says why such a process ended."""
        before, self._out_of_memory = self._out_of_memory, out_of_memory_kills()
        if before is None or self._out_of_memory is None or self._out_of_memory <= before:
            return ()
        return (OUT_OF_MEMORY,)

    def death_of(self, service: str) -> Death | None:
        """The last death of a service."""
        return self._deaths.get(service)

    def endings(self) -> dict[str, Ending]:
        """How the last process of each service ended."""
        return {service: death.fate.ending for service, death in self._deaths.items()}

    def dead(self, health: Health, known: Mapping[str, Known]) -> dict[str, Fate]:
        """The fates of those whose process is dead now, planned stops apart."""
        found = {}
        for service, death in self._deaths.items():
            state, phase = health.services.get(service), known.get(service, Known()).phase
            planned = death.fate.ending.how == "orderly" or phase == "stopped"
            if state is not None and state.process.alive is False and not planned:
                found[service] = death.fate
        return found

    def forget_old(self, health: Health, known: Mapping[str, Known]) -> None:
        """Let go of the raw evidence of services that live again and do not crash in a loop."""
        for service, death in list(self._deaths.items()):
            state, past = health.services.get(service), known.get(service, Known())
            calm = past.phase == "up" and not past.crashes
            if state is not None and state.process.alive and calm and death.evidence.log:
                bare = replace(death.evidence, log=b"", other_logs={}, values={}, messages=())
                self._deaths[service] = replace(death, evidence=bare)


def with_exit_code(evidence: Evidence, ending: Ending) -> Evidence:
    """The exit code where nobody saw it: by the log or the kernel's record, and noted as inferred."""
    if evidence.exit_code is not None:
        return evidence
    if ending.uncaught:
        code, why = 1, "its log ends with an error that nobody caught"
    elif ending.how == "silent" and OUT_OF_MEMORY in evidence.notes:
        code, why = -signal.SIGKILL, "it ended without a word as the kernel killed for lack of memory"
    else:
        return evidence
    note = f"the exit code {code} is inferred: {why}"
    return replace(evidence, exit_code=code, notes=(*evidence.notes, note))
