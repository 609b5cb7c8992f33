"""The watch: looks, detects, captures, and starts one heal as a process of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TextIO

import psutil  # type: ignore[import-untyped]

from agent.watch.alerts import service_of
from agent.watch.cases import Cases
from agent.watch.config import WatchConfig
from agent.watch.coroner import Coroner, Notice
from agent.watch.detect import Picture, Rules, step
from agent.watch.eyes import Eyes, Seen
from agent.watch.groups import Groups
from agent.watch.signals import Signal
from agent.watch.voice import Voice
from sandbox.git import GitError

AFTER_DEATH_S = 0.5
"""How long the look after a death may take: the evidence comes right after it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What somebody else says about a service, as JSON."""

    text: str


class Watch:
    """Stands beside MarketSwarm until it is told to stop.

    Args:
        tell: gets every signal as it happens, on the watch's thread.
        alerts: a stream of `service_down` events, one JSON object a line; read to its end.
    """

    def __init__(
        self, config: WatchConfig, tell: Callable[[Signal], None], alerts: TextIO | None = None
    ) -> None:
        self._config, self._tell, self._alerts = config, tell, alerts
        self._inbox: queue.SimpleQueue[Notice | Alert | None] = queue.SimpleQueue()
        self._rules = Rules(config.grace_s, again_s=config.cooldown_s, boot=float(psutil.boot_time()))
        self._picture = Picture()
        self._next_full = 0.0
        self._told_trouble = ""

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; heals that run then are told to end and stay resumable."""
        config = self._config
        self._eyes = Eyes(
            config.root, config.system_redis_url, config.services,
            lambda *death: self._inbox.put(Notice(*death)), lambda text: self._inbox.put(Alert(text)),
        )  # fmt: skip
        self._voice = Voice(config.system_redis_url)
        self._coroner = Coroner(self._eyes, self._rules.boot)
        self._cases = Cases(config, self._signal)
        self._groups = Groups(self._cases, self._signal)
        if self._alerts is not None:
            threading.Thread(target=self._read_alerts, args=(self._alerts,), daemon=True).start()
        try:
            self._cases.resume()
            while not stop.is_set():
                began = time.monotonic()
                self.turn(began)
                self._rest(began)
        finally:
            self._cases.stop()
            self._eyes.close()
            self._voice.close()

    def wake(self) -> None:
        """Make the watch look at once; safe from a signal handler and from any thread."""
        self._inbox.put(None)

    def turn(self, now: float) -> None:
        """One look and all that follows from it. `now` is on the monotonic clock."""
        notices, alerts = self._arrived()
        full = now >= self._next_full
        if full:
            self._next_full = now + self._config.full_every_s
        seen = self._eyes.look(full or bool(notices), AFTER_DEATH_S if notices else None)
        self._coroner.attend(seen.health, self._picture.services, notices)
        self._detect(seen)
        for alert in alerts:
            self._alerted(alert, seen)
        self._act(seen)
        self._coroner.forget_old(seen.health, self._picture.services)
        self._voice.speak(time.monotonic())

    def _rest(self, began: float) -> None:
        """Sleep until the next look is due or something arrives."""
        left = self._config.interval_s - (time.monotonic() - began)
        try:
            item = self._inbox.get(timeout=max(0.01, left))
        except queue.Empty:
            return
        self._inbox.put(item)

    def _arrived(self) -> tuple[list[Notice], list[Alert]]:
        notices, alerts = [], []
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, Notice):
                notices.append(item)
            elif item is not None:
                alerts.append(item)
        return notices, alerts

    def _detect(self, seen: Seen) -> None:
        deaths = ((name, self._coroner.death_of(name)) for name in seen.health.services)
        settled = {name for name, death in deaths if death and self._cases.is_settled(name, death.identity)}
        self._picture, signals = step(
            self._picture, seen.health, self._coroner.endings(), self._rules, settled
        )
        # An outage first: what fell with it belongs to it.
        for signal in sorted(signals, key=lambda signal: signal.redis is None):
            if signal.event in ("service_down", "crash_loop"):
                self._down(signal, seen)
            elif signal.redis is not None:
                self._redis(signal, seen)
            else:
                self._signal(signal)

    def _redis(self, signal: Signal, seen: Seen) -> None:
        bus = str(signal.redis)
        incident = None
        try:
            if signal.event == "redis_recovered":
                incident = self._groups.redis_rose(bus, signal.ts)
            else:
                evidence = self._eyes.take(bus, seen.health, None, None) if self._expected(bus) else None
                incident = self._groups.redis_fell(bus, signal.ts, evidence, self._eyes.redact)
        except (OSError, GitError) as error:
            self._trouble(error)
        self._signal(replace(signal, incident=incident))

    def _expected(self, bus: str) -> bool:
        """Truth names this bus: one that only the documentation knows may never have been there."""
        return bus == "system-redis" or self._eyes.site.truth_from != "table"

    def _down(self, signal: Signal, seen: Seen) -> None:
        service = str(signal.service)
        death = self._coroner.death_of(service) or self._coroner.take(service, seen.health, None, None, None)
        if death is None:
            self._signal(replace(signal, reason=f"{signal.reason}; nothing could be captured of it"))
            return
        incident = None
        try:
            dead = self._coroner.dead(seen.health, self._picture.services)
            incident = self._groups.admit((signal, death), dead, self._eyes.redact)
        except OSError as error:
            self._trouble(error)
        self._signal(replace(signal, incident=incident))

    def _act(self, seen: Seen) -> None:
        """What waits: deaths for their cause, incidents for their heal."""
        try:
            self._groups.reconsider(
                self._coroner.dead(seen.health, self._picture.services), self._eyes.redact
            )
            self._cases.work(seen.enabled is not False)
        except OSError as error:
            self._trouble(error)

    def _alerted(self, alert: Alert, seen: Seen) -> None:
        """Somebody else says that a service is down: believed, unless it is seen to beat."""
        service = service_of(alert.text)
        if service is None or service not in seen.health.services:
            return
        state, now = seen.health.services[service], time.time()
        known = self._picture.services.get(service)
        if state.status in ("healthy", "degraded") and state.process.alive is not False:
            self._signal(Signal("heal_refused", now, f"{service} was called down, but it beats", service))
        elif known is None or known.phase not in ("down", "stopped"):
            self._down(Signal("service_down", now, f"{service} was called down by another", service), seen)

    def _trouble(self, error: Exception) -> None:
        """The state folder cannot be written: told once for each reason, and tried again."""
        reason = f"the state folder cannot be used: {error}"
        if reason != self._told_trouble:
            self._told_trouble = reason
            self._signal(Signal("trouble", time.time(), reason))

    def _signal(self, signal: Signal) -> None:
        signal = replace(signal, reason=self._eyes.redact(signal.reason))
        self._voice.say(signal)
        self._tell(signal)

    def _read_alerts(self, stream: TextIO) -> None:
        for line in stream:
            self._inbox.put(Alert(line))
