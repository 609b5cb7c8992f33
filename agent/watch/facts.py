"""The facts that the admin page and Prometheus are told, put together from what the watch knows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.watch.cases import Cases
from agent.watch.picture import Picture
from agent.watch.tickets import Ticket

HISTORY = 50
MOST_LINES = 1000
"""Signals that are kept for the admin page."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known now. `cooldowns` maps a service to its last heal (Unix seconds) and what is left (s)."""

    enabled: bool
    services: Mapping[str, str]
    redis: Mapping[str, bool]
    active: Sequence[str]
    cooldowns: Mapping[str, tuple[float, float]]
    incidents: Mapping[str, int]
    history: Sequence[Mapping[str, Any]]
    cost_usd: float


def facts_of(picture: Picture, cases: Cases, enabled: bool) -> Facts:
    """What is known at this moment; safe to call from another thread than the watch's."""
    tickets = cases.tickets()
    return Facts(
        enabled=enabled,
        services={name: known.phase for name, known in picture.services.items()},
        redis={name: not known.down for name, known in picture.redis.items()},
        active=cases.active,
        cooldowns=cases.cooldowns(time.time()),
        incidents=Counter(ticket.state for ticket in tickets),
        history=[_entry(ticket) for ticket in reversed(tickets[-HISTORY:])],
        cost_usd=sum(ticket.cost_usd for ticket in tickets),
    )


def _entry(ticket: Ticket) -> Mapping[str, Any]:
    return {
        "incident": ticket.incident,
        "service": ticket.service,
        "state": ticket.state,
        "outcome": ticket.outcome,
        "reason": ticket.reason,
        "ts": ticket.opened,
    }
