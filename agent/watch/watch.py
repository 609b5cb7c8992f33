"""The watch: looks, detects, captures, and starts one heal as a process of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

import psutil  # type: ignore[import-untyped]

from agent.watch.alerts import service_of
from agent.watch.cases import Cases
from agent.watch.config import WatchConfig
from agent.watch.coroner import Coroner, Notice
from agent.watch.detect import step
from agent.watch.eyes import Eyes, Seen
from agent.watch.facts import MOST_LINES, facts_of
from agent.watch.groups import Groups
from agent.watch.picture import Picture, Rules
from agent.watch.signals import Signal
from agent.watch.systemd import notify
from agent.watch.voice import Voice
from sandbox.git import GitError

if TYPE_CHECKING:
    from agent.watch.admin import Admin

MOST_ALERTS = 200
DENIED_S = 60.0
"""Somebody who calls a living service down without a pause is told so once."""
SOONEST_S = 0.2
"""How far apart two looks lie at least, where the second was only asked for."""
AFTER_DEATH_S = 0.5
"""How long the look after a death may take: the evidence comes right after it."""


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
        self._inbox: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        # Bounded, and no reason to wake up: a flood of them costs nothing.
        self._heard: deque[str] = deque(maxlen=MOST_ALERTS)
        self._rules = Rules(config.grace_s, again_s=config.cooldown_s, boot=float(psutil.boot_time()))
        self._picture = Picture()
        self._next_full = 0.0
        self._told_trouble = ""
        self._denied: dict[str, float] = {}
        self._enabled = True
        self._said: deque[str] = deque(maxlen=MOST_LINES)

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; heals that run then are told to end and stay resumable."""
        config = self._config
        self._eyes = Eyes(
            config.root, config.system_redis_url, config.services,
            lambda *death: self._inbox.put(Notice(*death)), self._heard.append, self.wake,
        )  # fmt: skip
        self._voice = Voice(config.system_redis_url)
        self._coroner = Coroner(self._eyes, self._rules.boot)
        self._cases = Cases(config, self._signal)
        self._groups = Groups(self._cases, self._signal)
        admin = self._admin()
        if self._alerts is not None:
            threading.Thread(target=self._read_alerts, args=(self._alerts,), daemon=True).start()
        try:
            self._cases.resume()
            while not stop.is_set():
                began = time.monotonic()
                self.turn(began)
                notify("READY=1\nWATCHDOG=1")
                self._rest(began)
        finally:
            notify("STOPPING=1")
            if admin is not None:
                admin.close()
            self._cases.stop()
            self._eyes.close()
            self._voice.close()

    def _admin(self) -> Admin | None:
        """The HTTP server, where a port is configured. Raises OSError when it is taken."""
        if not self._config.metrics_port:
            return None
        # Late: most watches serve nothing, and this one is to stay small.
        from agent.watch.admin import Admin

        return Admin(
            self._config.metrics_port,
            lambda: facts_of(self._picture, self._cases, self._enabled),
            lambda count: list(self._said)[-count:],
            self._voice.switch,
        )

    def wake(self) -> None:
        """Make the watch look at once; safe from a signal handler and from any thread."""
        self._inbox.put(None)

    def turn(self, now: float) -> None:
        """One look and all that follows from it. `now` is on the monotonic clock."""
        notices = self._arrived()
        full = now >= self._next_full
        if full:
            self._next_full = now + self._config.full_every_s
        seen = self._eyes.look(full or bool(notices), AFTER_DEATH_S if notices else None)
        self._enabled = seen.enabled is not False
        self._coroner.attend(seen.health, self._picture.services, notices)
        self._detect(seen)
        while self._heard:
            self._alerted(self._heard.popleft(), seen)
        self._act(seen, full)
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
        if item is None:
            # A server that tells of one expiry after the other must not make the watch spin.
            time.sleep(max(0.0, SOONEST_S - (time.monotonic() - began)))

    def _arrived(self) -> list[Notice]:
        items = []
        while not self._inbox.empty():
            items.append(self._inbox.get())
        return [item for item in items if item is not None]

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
                evidence = self._eyes.take(bus, seen.health) if self._expected(bus) else None
                incident = self._groups.redis_fell(bus, signal.ts, evidence, self._eyes.redact)
        except (OSError, GitError) as error:
            self._trouble(error)
        self._signal(replace(signal, incident=incident))

    def _expected(self, bus: str) -> bool:
        """Truth names this bus: one that only the documentation knows may never have been there."""
        return bus == "system-redis" or self._eyes.site.truth_from != "table"

    def _down(self, signal: Signal, seen: Seen) -> None:
        service = str(signal.service)
        death = self._coroner.death_of(service) or self._coroner.take(service, seen.health)
        if death is None:
            self._signal(replace(signal, reason=f"{signal.reason}; nothing could be captured of it"))
            return
        incident = None
        try:
            dead = self._coroner.dead(seen.health, self._picture.services)
            incident = self._groups.admit((signal, death), dead, self._eyes.redact)
        except OSError as error:
            self._trouble(error)
        again = self._cases.recurrence_of(service, death.fate.ending.signature)
        data = {**signal.data, "recurs": again.incident} if again else signal.data
        self._signal(replace(signal, incident=incident, data=data))

    def _act(self, seen: Seen, full: bool) -> None:
        """What waits: deaths for their cause, incidents for their heal, branches for their merge."""
        try:
            self._groups.reconsider(
                self._coroner.dead(seen.health, self._picture.services), self._eyes.redact
            )
            self._cases.work(self._enabled)
            if full:
                self._cases.close_old(self._eyes.site.root, well_since(self._picture), time.time())
        except OSError as error:
            self._trouble(error)

    def _alerted(self, text: str, seen: Seen) -> None:
        """Somebody else says that a service is down: believed, unless it is seen to beat."""
        service = service_of(text)
        if service is None or service not in seen.health.services:
            return
        state, now = seen.health.services[service], time.time()
        known = self._picture.services.get(service)
        if state.status in ("healthy", "degraded") and state.process.alive is not False:
            last, self._denied[service] = self._denied.get(service, 0.0), now
            if now - last >= DENIED_S:
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
        self._said.append(signal.json())
        self._tell(signal)

    def _read_alerts(self, stream: TextIO) -> None:
        for line in stream:
            self._heard.append(line)


def well_since(picture: Picture) -> dict[str, float]:
    """Since when each service that is up beats, in one and the same process. Unix seconds."""
    up = {name: known for name, known in picture.services.items() if known.phase == "up"}
    return {name: max(known.since, known.started or 0.0) for name, known in up.items()}
