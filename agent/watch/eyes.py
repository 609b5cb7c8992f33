"""All that the watch sees: the site by its live Truth, looks at its health, messages, deaths, evidence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.watch.deaths import DeathWatch
from agent.watch.expiry import Expiries
from agent.watch.listen import Listener, Ring
from tools.capture import Evidence, Site, find_site, read_truth, site_of, take
from tools.health import Health, HealthCollector
from tools.redact import Redactor

ENABLED_KEY = "autohealer:enabled"
OFF = (b"0", b"false", b"off", b"no", b"disabled")
QUICK_S = 0.5
"""How long one look may take between two full ones, so that a frozen server holds nothing up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the health, and whether healing is switched on (None: cannot be read)."""

    health: Health
    enabled: bool | None


class Eyes:
    """Looks at one deployment, and follows its Truth when that changes.

    Args:
        on_death: called on another thread with a service, its pid and, if known, its exit code.
        on_alert: called on another thread with the text of a message on `healer:alerts`.
        on_hint: called on another thread when system-redis says that a heartbeat key is gone.
    """

    def __init__(
        self,
        root: Path,
        system_redis_url: str,
        services: tuple[str, ...],
        on_death: Callable[[str, int, int | None], None],
        on_alert: Callable[[str], None],
        on_hint: Callable[[], None],
    ) -> None:
        self._root, self._url, self._services = root, system_redis_url, services
        self._on_alert, self._on_hint = on_alert, on_hint
        self._on_death = on_death
        self._owners: dict[int, str] = {}
        self._ring = Ring()
        self._deaths = DeathWatch(self._died)
        self._lock = threading.Lock()
        self._open(find_site(root, system_redis_url))

    def look(self, full: bool, deadline_s: float | None = None) -> Seen:
        """See how everything is; processes that live are watched for their death from now on."""
        if full:
            self._follow_truth()
        bound = deadline_s if deadline_s is not None else (1.8 if full else QUICK_S)
        health, keys = self._collector.look(full, (ENABLED_KEY,), bound)
        for service, state in health.services.items():
            if state.process.fate == "alive" and state.process.pid is not None:
                self._watch_for_death(state.process.pid, service)
        if ENABLED_KEY not in keys:
            return Seen(health, None)
        raw = keys[ENABLED_KEY]
        return Seen(health, raw is None or raw.strip().lower() not in OFF)

    def take(
        self,
        service: str,
        health: Health,
        pid: int | None = None,
        exit_code: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> Evidence:
        """Take the evidence of a death now. Raises GitError."""
        messages = self._ring.of(self.site.truth.component(service).reads)
        return take(service, self.site, health, messages, pid=pid, exit_code=exit_code, notes=notes)

    def close(self) -> None:
        """Let go of every connection and process."""
        self._deaths.close()
        self._listener.close()
        self._collector.close()

    def _open(self, site: Site) -> None:
        self.site = site
        self.redact = Redactor(site.secrets())
        self._collector = HealthCollector(site.root, site.truth, site.buses, services=self._services)
        parts = [site.truth.component(name) for name in self._services or site.truth.services]
        uses = [use for component in parts for use in component.reads]
        expiries = Expiries([f"{component.name}:heartbeat" for component in parts], self._on_hint)
        self._listener = Listener(site.buses, uses, self._ring, self._on_alert, expiries)

    def _follow_truth(self) -> None:
        """Take over a Truth that changed; a deleted or broken one leaves the last good one in place."""
        published = read_truth(self._url, QUICK_S)
        if published is None or published.document == self.site.truth.document:
            return
        self._listener.close()
        self._collector.close()
        self._open(site_of(self._root, published, self._url, "redis"))

    def _watch_for_death(self, pid: int, service: str) -> None:
        with self._lock:
            known = self._owners.get(pid) == service
            self._owners[pid] = service
        if not known:
            self._deaths.add(pid)

    def _died(self, pid: int, exit_code: int | None) -> None:
        with self._lock:
            service = self._owners.pop(pid, None)
        if service is not None:
            self._on_death(service, pid, exit_code)
