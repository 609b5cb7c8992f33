"""Which incidents are still to be healed: a small file in each incident folder, so that a kill loses none.

<incident>/watch.json   {"state": "queued" | "running" | "refused" | "ended", "reason", "attempts", "at"}
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tools.capture.folder import write_private

State = Literal["queued", "running", "refused", "ended"]
FILE = "watch.json"
MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the watch means to do with one incident. `at` is when that was decided, Unix seconds."""

    incident: str
    service: str
    state: State
    reason: str = ""
    attempts: int = 0
    at: float = 0.0


def write_ticket(incidents: Path, ticket: Ticket) -> Ticket:
    """Keep a ticket in its incident's folder. Raises OSError."""
    ticket = replace(ticket, at=time.time())
    folder = incidents / ticket.incident
    partial = folder / f".{FILE}.partial"
    write_private(partial, json.dumps(asdict(ticket)) + "\n")
    partial.rename(folder / FILE)
    return ticket


def unfinished(incidents: Path) -> list[Ticket]:
    """Incidents that were queued or running when a watch ended and have no result, oldest first."""
    tickets = [ticket for file in incidents.glob(f"*/{FILE}") if (ticket := _read(file)) is not None]
    begun = [ticket for ticket in tickets if ticket.state in ("queued", "running")]
    waiting = [ticket for ticket in begun if not has_result(incidents / ticket.incident)]
    return sorted(waiting, key=lambda ticket: ticket.at)


def has_result(folder: Path) -> bool:
    """Did some run on this incident come to an end of its own?"""
    for file in folder.glob("runs/*/result.json"):
        result = _object(file)
        if result is not None and result.get("outcome") not in (None, "failed"):
            return True
    return False


def _read(file: Path) -> Ticket | None:
    raw = _object(file)
    try:
        return Ticket(**raw) if raw is not None and raw["incident"] == file.parent.name else None
    except (TypeError, KeyError):
        return None


def _object(file: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
