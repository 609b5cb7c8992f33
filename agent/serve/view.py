"""What the admin page tells, read from the state folder: a restart forgets nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]
from redis import RedisError

from agent.cleaning import outward_of
from agent.outward import Outward
from agent.past import Past
from agent.report.again import tell_again
from agent.report.timeline import Moment, moment_of, timeline, told
from agent.serve.entries import SHOWN, Entries, Entry
from agent.settings import Settings
from agent.store import Run, Store
from agent.watch.eyes import ENABLED_KEY, OFF
from agent.watch.tickets import Ticket, read_tickets
from tools.health import connect
from tools.incident import IncidentError

T = TypeVar("T")

MOST_LINES = 1000
FRESH_S = 1.0
"""What was read so long ago is told again without reading."""
SECRETS_FRESH_S = 300.0
REDIS_S = 0.5
PAGES = ("report.html", "report.md", "patch.diff", "pull_request.md")
"""The files of a run that are served: all of them were written to be read by people."""


@dataclass(frozen=True, slots=True)
class Running:
    """A heal that runs now, with its steps so far."""

    incident: str
    service: str
    run: int
    moments: tuple[Moment, ...]


@dataclass(slots=True)
class View:
    """Reads the state; safe to be called from several threads."""

    store: Store
    settings: Settings
    _kept: dict[str, tuple[float, Any]] = field(default_factory=dict)
    _entries: Entries = field(init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._entries = Entries(self.store, self.settings.publish)

    def clean(self) -> Outward:
        """What makes every served text fit to leave."""
        return self.fresh("clean", lambda: outward_of(self.settings), SECRETS_FRESH_S)

    def fresh(self, name: str, read: Callable[[], T], seconds: float = FRESH_S) -> T:
        """What `read` gives, read at most once in so many seconds, however many readers there are."""
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or time.monotonic() - kept[0] > seconds:
                kept = (time.monotonic(), read())
                self._kept[name] = kept
            value: T = kept[1]
            return value

    def forget(self) -> None:
        """Read anew: something was changed."""
        with self._lock:
            self._kept = {name: kept for name, kept in self._kept.items() if name == "clean"}

    def status(self) -> dict[str, Any]:
        """The object that MarketSwarm's admin page reads."""
        enabled = self.fresh("enabled", self._enabled)
        now = time.time()
        return {
            "enabled": enabled is not False,
            "system_redis": enabled is not None,
            "active": sorted({running.service for running in self.running()}),
            "cooldowns": {
                service: {"last_attempt": last, "remaining_sec": round(left, 1)}
                for service, last in self._begun().items()
                if (left := self.settings.watch.cooldown_s - (now - last)) > 0
            },
            "history": [_row(entry.past) for entry in self.history()],
        }

    def switch(self, enabled: bool) -> bool:
        """Set the operators' switch; False when system-redis cannot be written."""
        client = connect(self.settings.system_redis_url, REDIS_S)
        try:
            return bool(client.set(ENABLED_KEY, "1" if enabled else "0"))
        except (RedisError, OSError):
            return False
        finally:
            client.close()
            self.forget()

    def running(self) -> list[Running]:
        """The heals that run now."""
        return self.fresh("running", lambda: (datetime.now(UTC), self._running()))[1]

    def seen_until(self) -> str:
        """The moment up to which `running` tells all steps, as the id of an event."""
        return self.fresh("running", lambda: (datetime.now(UTC), self._running()))[0].isoformat()

    def history(self) -> list[Entry]:
        """The last incidents, newest first."""
        return self.fresh("history", self._history)

    def log(self, count: int) -> list[str]:
        """The last steps of all runs, oldest first, a line each."""
        count = max(0, min(count, MOST_LINES))
        return self.fresh("log", self._log)[-count:] if count else []

    def file(self, incident: str, run: str, name: str) -> Path | None:
        """A file of a run that may be served; None where there is none."""
        if name not in PAGES or not (run.isascii() and run.isdigit()):
            return None
        try:
            folder = self.store.find(incident)
        except IncidentError:
            return None
        path = folder.path / "runs" / run / name
        if name.startswith("report."):
            # Only read: a report that cannot be brought up to date is shown as it is.
            with suppress(OSError):
                tell_again(Run(path.parent, int(run)), self.settings)
        return path if path.is_file() and not path.is_symlink() else None

    def _enabled(self) -> bool | None:
        """The switch; None where system-redis does not answer."""
        client = connect(self.settings.system_redis_url, REDIS_S)
        try:
            raw = client.get(ENABLED_KEY)
        except (RedisError, OSError):
            return None
        finally:
            client.close()
        return not isinstance(raw, bytes) or raw.strip().lower() not in OFF

    def _tickets(self) -> dict[str, Ticket]:
        return {ticket.incident: ticket for ticket in read_tickets(self.store.root / "incidents")}

    def _begun(self) -> dict[str, float]:
        """By service: when its last heal began, Unix seconds."""
        tickets = self.fresh("tickets", self._tickets).values()
        return {ticket.service: ticket.started for ticket in tickets if ticket.started}

    def _history(self) -> list[Entry]:
        return self._entries.read(self.fresh("tickets", self._tickets))

    def _running(self) -> list[Running]:
        tickets = self.fresh("tickets", self._tickets)
        found = []
        for folder in self.store.incidents():
            runs = self.store.runs(folder)
            ticket = tickets.get(folder.path.name)
            if not runs or not self._is_running(runs[-1], ticket):
                continue
            with suppress(IncidentError):
                moments = timeline(runs[-1].journal(), self.clean())
                service = folder.incident().service
                found.append(Running(folder.path.name, service, runs[-1].number, moments))
        return found

    def _is_running(self, run: Run, ticket: Ticket | None) -> bool:
        """No result yet, and its process lives; for a run that no watch started, its journal is young."""
        if (run.path / "result.json").exists():
            return False
        if ticket is not None and ticket.state == "running" and ticket.child is not None:
            return bool(psutil.pid_exists(ticket.child))
        try:
            age = time.time() - (run.path / "journal.jsonl").stat().st_mtime
        except FileNotFoundError:
            return False
        return age < self.settings.limits.wall_s

    def _log(self) -> list[str]:
        steps = []
        for folder in self.store.incidents()[:SHOWN]:
            for run in self.store.runs(folder):
                about = f"{folder.path.name} run {run.number}"
                records = ((moment_of(record), record) for record in run.journal())
                steps += [(at, about, record) for at, record in records if at is not None]
        clean = self.clean()
        last = sorted(steps, key=lambda step: step[:2])[-MOST_LINES:]
        return [
            f"{at.isoformat(timespec='milliseconds')} {about} {record.get('event')}: {told(record, clean)}"
            for at, about, record in last
        ]


def _row(past: Past) -> Mapping[str, Any]:
    ticket = past.ticket
    return {
        "incident": past.incident.id,
        "service": past.incident.service,
        "state": ticket.state if ticket else ("ended" if past.results else past.outcome),
        "outcome": past.outcome,
        "reason": (ticket.reason if ticket else "") or past.last.get("summary") or "",
        "ts": past.at.timestamp(),
    }
