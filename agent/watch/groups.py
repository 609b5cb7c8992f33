"""Deaths with one cause become one incident with members: an outage, an upstream, a shared fault."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.watch.cases import Cases
from agent.watch.coroner import Death
from agent.watch.correlate import Cause, Fate, Outage, cause_of
from agent.watch.outage import report_of
from agent.watch.signals import Signal
from tools.capture import Evidence, write_incident
from tools.capture.folder import as_json, write_private
from tools.redact import Redactor

HELD_S = 60.0
"""How long a death waits for the one that caused it to be believed."""
FORGET_S = 3600.0
"""A cause that is older than this gathers no more members."""
MEMBERS = "members.json"
NOTHING_TO_HEAL = "an outage of the infrastructure: no service's code is to blame, so nothing is healed"

Down = tuple[Signal, Death]


@dataclass(slots=True)
class _Group:
    """An incident that others joined. `began` is Unix seconds."""

    incident: str
    cause: Cause
    began: float
    members: list[dict[str, object]] = field(default_factory=list)


class Groups:
    """Decides which incident a death belongs to.

    Args:
        tell: gets a signal when a death joined another's incident.
    """

    def __init__(self, cases: Cases, tell: Callable[[Signal], None]) -> None:
        self._cases, self._tell = cases, tell
        self._groups: dict[Cause, _Group] = {}
        self._outages: dict[str, Outage] = {}
        self._held: list[tuple[Down, float]] = []
        for folder in sorted(cases.incidents.glob("[!.]*")):
            for member in read_members(folder):
                self._settle(member)

    def redis_fell(self, bus: str, now: float, evidence: Evidence | None, redact: Redactor) -> str | None:
        """An outage began: one incident, whatever falls with it. Returns its id. Raises OSError."""
        self._outages[bus] = Outage(bus, now)
        if evidence is None:
            return None
        cause = Cause("redis", bus)
        if self._group(cause, now) is None:
            incident = self._cases.open_untreated(evidence, "redis_down", redact, NOTHING_TO_HEAL)
            self._groups[cause] = _Group(incident, cause, now)
        self._report(self._groups[cause])
        return self._groups[cause].incident

    def redis_rose(self, bus: str, now: float) -> str | None:
        """The outage is over. Returns its incident's id."""
        outage = self._outages.get(bus)
        if outage is not None:
            self._outages[bus] = replace(outage, ended=now)
        group = self._groups.get(Cause("redis", bus))
        if group is not None:
            self._report(group)
        return group.incident if group is not None else None

    def admit(self, down: Down, dead: Mapping[str, Fate], redact: Redactor) -> str | None:
        """Open an incident for a death, or let it join another. None: it waits for what caused it.

        Raises:
            OSError: the incident cannot be written now; it will be tried again.
        """
        self._held.append((down, time.monotonic() + HELD_S))
        return self._settle_held(self._held[-1], dead, redact)

    def reconsider(self, dead: Mapping[str, Fate], redact: Redactor) -> None:
        """Look again at the deaths that wait; after a while they stand for themselves. Raises OSError."""
        for held in list(self._held):
            self._settle_held(held, dead, redact)

    def _settle_held(
        self, held: tuple[Down, float], dead: Mapping[str, Fate], redact: Redactor
    ) -> str | None:
        (signal, death), until = held
        others = {name: fate for name, fate in dead.items() if name != death.fate.service}
        cause = cause_of(death.fate, others, list(self._outages.values()))
        group = self._group(cause, signal.ts) if cause is not None else None
        if group is not None:
            incident = self._join(group, held[0], redact)
        elif cause is not None and cause.kind in ("redis", "upstream") and time.monotonic() < until:
            return None
        else:
            incident = self._cases.open(death, signal.event, redact)
            if cause is not None and cause.kind in ("fault", "machine"):
                self._groups[cause] = _Group(incident, cause, signal.ts)
        self._held.remove(held)
        return incident

    def _group(self, cause: Cause, now: float) -> _Group | None:
        """The incident that gathers the deaths of this cause, if there is one yet."""
        group = self._groups.get(cause)
        if group is not None and now - group.began <= FORGET_S:
            return group
        if cause.kind not in ("upstream", "redis"):
            return None
        ticket = self._cases.latest_of(cause.name)
        if ticket is None or now - ticket.opened > FORGET_S:
            return None
        members = read_members(self._cases.incidents / ticket.incident)
        self._groups[cause] = _Group(ticket.incident, cause, ticket.opened, members)
        return self._groups[cause]

    def _settle(self, member: Mapping[str, object]) -> None:
        """A member of an earlier watch's incident is no news to this one, unless it died again since."""
        service, death = str(member.get("service")), member.get("death")
        ticket = self._cases.latest_of(service)
        at = member.get("at")
        later = ticket is not None and isinstance(at, int | float) and ticket.opened > at
        if isinstance(death, list) and len(death) == 2 and not later:
            self._cases.settle(service, (death[0], death[1]))

    def _join(self, group: _Group, down: Down, redact: Redactor) -> str:
        signal, death = down
        service = death.fate.service
        folder = self._cases.incidents / group.incident
        written = write_incident(death.evidence, folder / "members", signal.event, redact)
        reason = f"{service} fell with others: {group.cause.words}"
        member = {
            "service": service,
            "at": death.fate.at,
            "reason": redact(signal.reason),
            "folder": written.id,
        }
        group.members.append(member)
        self._cases.settle(service, death.identity)
        document = {"cause": group.cause.kind, "name": group.cause.name, "members": group.members}
        write_private(folder / MEMBERS, as_json(document))
        self._report(group)
        self._tell(
            Signal("victim", time.time(), reason, service, None, group.incident, {"cause": group.cause.kind})
        )
        return group.incident

    def _report(self, group: _Group) -> None:
        if group.cause.kind == "redis":
            text = report_of(self._outages[group.cause.name], group.members)
            write_private(self._cases.incidents / group.incident / "report.md", text)


def read_members(folder: Path) -> list[dict[str, object]]:
    """The members of an incident as an earlier watch wrote them."""
    try:
        found = json.loads((folder / MEMBERS).read_text(encoding="utf-8"))["members"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [dict(member) for member in found if isinstance(member, dict)]
