"""The watch: looks, detects, captures, and starts one heal as a process of its own."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TextIO

import psutil  # type: ignore[import-untyped]

from agent.watch.cases import Cases
from agent.watch.config import WatchConfig
from agent.watch.detect import Ending, Picture, Rules, step
from agent.watch.endings import ending_of
from agent.watch.eyes import Eyes, Seen
from agent.watch.signals import Signal
from agent.watch.voice import Voice
from sandbox.git import GitError
from tools.capture import Evidence
from tools.health import Health

FULL_EVERY_S = 15.0
AFTER_DEATH_S = 0.5
"""How long the look after a death may take: the evidence comes right after it."""


@dataclass(frozen=True, slots=True)
class _Died:
    service: str
    pid: int
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class _Alert:
    text: str


@dataclass(frozen=True, slots=True)
class _Death:
    """A death whose evidence was taken, until it is known what to make of it."""

    pid: int | None
    recorded_at: float | None
    evidence: Evidence
    ending: Ending


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
        self._inbox: queue.SimpleQueue[_Died | _Alert | None] = queue.SimpleQueue()
        self._rules = Rules(grace_s=config.grace_s, again_s=config.cooldown_s, boot=float(psutil.boot_time()))
        self._picture = Picture()
        self._deaths: dict[str, _Death] = {}
        self._next_full = 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; heals that run then are told to end and stay resumable."""
        self._eyes = Eyes(
            self._config.root, self._config.system_redis_url, self._config.services,
            lambda *death: self._inbox.put(_Died(*death)), lambda text: self._inbox.put(_Alert(text)),
        )  # fmt: skip
        self._voice = Voice(self._config.system_redis_url)
        self._cases = Cases(self._config, self._signal)
        if self._alerts is not None:
            threading.Thread(target=self._read_alerts, args=(self._alerts,), daemon=True).start()
        try:
            self._cases.resume()
            while not stop.is_set():
                self._turn()
        finally:
            self._cases.stop()
            self._eyes.close()
            self._voice.close()

    def wake(self) -> None:
        """Make the watch look at once; safe from a signal handler and from any thread."""
        self._inbox.put(None)

    def _turn(self) -> None:
        began = time.monotonic()
        died, alerts = self._arrived()
        full = began >= self._next_full
        if full:
            self._next_full = began + FULL_EVERY_S
        seen = self._eyes.look(full or bool(died), AFTER_DEATH_S if died else None)
        self._take(seen.health, died)
        self._detect(seen)
        for alert in alerts:
            self._alerted(alert, seen)
        self._cases.work(seen.enabled is not False)
        self._voice.speak(time.monotonic())
        self._rest(began)

    def _rest(self, began: float) -> None:
        """Sleep until the next look is due or something arrives."""
        left = self._config.interval_s - (time.monotonic() - began)
        try:
            item = self._inbox.get(timeout=max(0.01, left))
        except queue.Empty:
            return
        self._inbox.put(item)

    def _arrived(self) -> tuple[list[_Died], list[_Alert]]:
        died, alerts = [], []
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, _Died):
                died.append(item)
            elif item is not None:
                alerts.append(item)
        return died, alerts

    def _take(self, health: Health, died: list[_Died]) -> None:
        """Evidence of every death that is news, before anything is restarted or rotated."""
        for death in died:
            self._remember(death.service, health, death.pid, None, death.exit_code)
        for service, state in health.services.items():
            process, known = state.process, self._picture.services.get(service)
            if process.alive is not False or (known is not None and known.phase in ("down", "stopped")):
                continue
            kept = self._deaths.get(service)
            if kept is not None and kept.pid == process.pid:
                self._deaths[service] = replace(kept, recorded_at=process.recorded_at)
            elif process.recorded_at is None or process.recorded_at >= self._rules.boot:
                self._remember(service, health, process.pid, process.recorded_at, None)

    def _remember(
        self, service: str, health: Health, pid: int | None, recorded_at: float | None, code: int | None
    ) -> None:
        try:
            evidence = self._eyes.take(service, health, pid, code)
        except GitError:
            return
        self._deaths[service] = _Death(pid, recorded_at, evidence, ending_of(service, evidence.log))

    def _detect(self, seen: Seen) -> None:
        endings = {service: death.ending for service, death in self._deaths.items()}
        settled = {
            service
            for service, death in self._deaths.items()
            if self._cases.is_settled(service, death.pid, death.recorded_at)
        }
        self._picture, signals = step(self._picture, seen.health, endings, self._rules, settled)
        for signal in signals:
            if signal.event in ("service_down", "crash_loop"):
                self._down(signal, seen)
            else:
                self._signal(signal)

    def _down(self, signal: Signal, seen: Seen) -> None:
        service = str(signal.service)
        death = self._deaths.get(service)
        if death is None:
            self._remember(service, seen.health, None, None, None)
            death = self._deaths.get(service)
        if death is None:
            self._signal(replace(signal, reason=f"{signal.reason}; nothing could be captured of it"))
            return
        incident = self._cases.open(death.evidence, signal.event, self._eyes.redact)
        self._signal(replace(signal, incident=incident))
        self._cases.settle(service, death.pid, death.recorded_at)

    def _alerted(self, alert: _Alert, seen: Seen) -> None:
        """Somebody else says that a service is down: believed, unless it is seen to beat."""
        service = _service_of(alert.text)
        if service is None or service not in seen.health.services:
            return
        known = self._picture.services.get(service)
        state = seen.health.services[service]
        if state.status in ("healthy", "degraded") and state.process.alive is not False:
            self._signal(Signal("heal_refused", time.time(), f"{service} was called down but beats", service))
        elif known is None or known.phase not in ("down", "stopped"):
            self._down(Signal("service_down", time.time(), f"{service} was called down", service), seen)

    def _signal(self, signal: Signal) -> None:
        signal = replace(signal, reason=self._eyes.redact(signal.reason))
        self._voice.say(signal)
        self._tell(signal)

    def _read_alerts(self, stream: TextIO) -> None:
        for line in stream:
            self._inbox.put(_Alert(line))


def _service_of(text: str) -> str | None:
    """The service of a `service_down` event in any of the usual spellings; None for anything else."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    kind = event.get("event", event.get("type", event.get("kind")))
    service = event.get("service")
    return service if kind == "service_down" and isinstance(service, str) else None
