"""Keeping the state bounded: which incidents may go, and their removal.

Never removed, whatever is asked for: an incident that is being healed or waits for it. Kept unless
forced: one whose branch is neither merged nor taken away. Always kept for a while: what happened
within a day (cooldowns and daily budgets are read from it), and for thirty days a fault whose
branch people took away, since that is a no to healing it again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agent.past import Past
from agent.store import Busy, Store
from agent.watch.restraint import DAY_S, DECLINED_S

DOOMED = ".pruned-"
"""What the name of a folder begins with whose removal has begun; it stands beside those of incidents."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may stay: nothing that is older than `age`, and no more than `count` incidents."""

    age: timedelta
    count: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One incident that is beyond the bounds: gone, or kept for a reason. Size in bytes."""

    past: Past
    size: int
    why: str
    kept: str | None


def decide(
    pasts: Sequence[Past], bounds: Bounds, now: datetime, repo: Path | None, *, force: bool = False
) -> list[Decision]:
    """The incidents beyond the bounds, the oldest first. `repo` is where branches are looked for."""
    newest_first = sorted(pasts, key=lambda past: past.at, reverse=True)
    decisions = []
    for place, past in enumerate(newest_first):
        why = _beyond(past, place, bounds, now)
        if why:
            kept = _protected(past, now) or (None if force else _branch_open(past, repo))
            decisions.append(Decision(past, _size(past.folder.path), why, kept))
    return decisions[::-1]


def remove(store: Store, decision: Decision) -> str | None:
    """Remove an incident's folder, whole as others see it; a reason where it has to stay after all.

    Raises:
        OSError: it cannot be removed.
    """
    folder = decision.past.folder.path
    try:
        with store.hold(decision.past.incident.service):
            doomed = store.root / f"{DOOMED}{folder.name}"
            folder.rename(doomed)
    except Busy:
        return f"{decision.past.incident.service} is being healed"
    except FileNotFoundError:
        return None
    shutil.rmtree(doomed)
    return None


def sweep(store: Store) -> None:
    """Finish removals that a kill cut short. Raises OSError."""
    for doomed in store.root.glob(f"{DOOMED}*"):
        shutil.rmtree(doomed)


def _beyond(past: Past, place: int, bounds: Bounds, now: datetime) -> str | None:
    if now - past.at > bounds.age:
        return f"older than {bounds.age.days} days"
    if place >= bounds.count:
        return f"more than {bounds.count} incidents"
    return None


def _protected(past: Past, now: datetime) -> str | None:
    """Why an incident stays, force or not. Its own time counts as well as the watch's: both must be old."""
    ticket = past.ticket
    if ticket is not None and ticket.state in ("queued", "running"):
        return f"it is {ticket.state}"
    touched = max(past.at.timestamp(), ticket.opened if ticket else 0.0, ticket.started if ticket else 0.0)
    age = now.timestamp() - touched
    if age < DAY_S:
        return "cooldowns and budgets are counted from it for a day"
    if ticket is not None and ticket.state == "declined" and age < DECLINED_S:
        return "its branch was taken away unmerged: that is a no for thirty days"
    return None


def _branch_open(past: Past, repo: Path | None) -> str | None:
    fate = past.fate(repo)
    if fate == "open":
        return f"{past.branch} is open"
    return f"what became of {past.branch} is not known: name the checkout" if fate == "unknown" else None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
