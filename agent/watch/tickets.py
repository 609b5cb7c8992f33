"""What the watch decided about each incident: one small file in its folder, there from its first moment.

    <incident>/watch.json

It is all that the watch remembers of its heals, so that a kill at any line loses no incident,
heals none twice, and forgets no cooldown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tools.capture.folder import as_json, write_private

State = Literal["queued", "running", "refused", "ended", "healed", "declined", "recurred"]
FILE = "watch.json"
MOST_ATTEMPTS = 3
TAKEN_AWAY = "its branch was taken away unmerged"
"""The reason of a ticket that is declined where nobody gave one."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One incident's way through the watch. Times are Unix seconds, 0 for never.

    An ended one is `healed` when its branch was merged and the service beats, `declined` when the
    branch was taken away unmerged, `recurred` when the same fault came back after it was healed.
    `death` is the PID that died and when its PID file was written: what tells this death from
    the next. `child` is the PID of the heal that runs, `cost_usd` what its runs have cost.
    """

    incident: str
    service: str
    state: State
    reason: str = ""
    attempts: int = 0
    opened: float = 0.0
    started: float = 0.0
    death: tuple[int | None, float | None] = (None, None)
    signature: str | None = None
    child: int | None = None
    outcome: str | None = None
    cost_usd: float = 0.0

    def json(self) -> str:
        """The ticket as its file holds it."""
        return as_json(asdict(self))


def write_ticket(incidents: Path, ticket: Ticket) -> Ticket:
    """Replace the ticket in its incident's folder, whole or not at all. Raises OSError.

    An incident that was pruned meanwhile has no folder any more, and gets none.
    """
    folder = incidents / ticket.incident
    if not folder.is_dir():
        return ticket
    partial = folder / f".{FILE}.partial"
    write_private(partial, ticket.json())
    partial.rename(folder / FILE)
    return ticket


def read_tickets(incidents: Path, incident: str = "*") -> list[Ticket]:
    """All tickets, or that of one incident, the oldest first; broken ones are left out."""
    found = (_ticket(file) for file in incidents.glob(f"{incident}/{FILE}"))
    return sorted((ticket for ticket in found if ticket is not None), key=lambda ticket: ticket.opened)


def last_result(folder: Path) -> dict[str, Any] | None:
    """The result of the last run that came to an end of its own; None while there is none."""
    cut_short = (None, "interrupted", "failed")
    results = [result for result in _results(folder) if result.get("outcome") not in cut_short]
    return max(results, key=lambda result: result.get("run", 0), default=None)


def cost_of(folder: Path) -> float:
    """What all runs on an incident have cost, US dollars."""
    costs = (result.get("cost_usd") for result in _results(folder))
    return sum(cost for cost in costs if isinstance(cost, int | float))


def settled_deaths(tickets: Iterable[Ticket]) -> dict[str, tuple[int | None, float | None]]:
    """The last death of each service that an incident was opened for."""
    return {ticket.service: ticket.death for ticket in tickets}


def _results(folder: Path) -> Iterator[dict[str, Any]]:
    for file in folder.glob("runs/*/result.json"):
        result = _object(file)
        if result is not None:
            yield result


def _ticket(file: Path) -> Ticket | None:
    raw = _object(file)
    if raw is None or raw.get("incident") != file.parent.name:
        return None
    try:
        return Ticket(**{**raw, "death": tuple(raw.get("death", (None, None)))})
    except TypeError:
        return None


def _object(file: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
