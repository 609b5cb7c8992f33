"""How to watch, as plain values: the caller's settings end here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from pathlib import Path

from agent.watch.restraint import Restraint


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """How to watch. Times are seconds, money is US dollars a day (None: no bound).

    Between full looks (figures, HTTP, MySQL, Truth) only life and death are looked at.
    `heal` is the command of a heal, to which the incident's id is appended. `services` empty
    means all that Truth names. `breaker` is how many heals a day one fault of one service gets.
    A heal that was cut short is started again after `pause_s`. A service whose branch was merged
    counts as healed when it beats for `healed_s`.
    `quiet_hours` are two local times, such as ("22:00", "06:00"), between which no heal starts.
    `metrics_port` serves Prometheus metrics on 127.0.0.1; 0 is off.
    """

    root: Path
    state: Path
    system_redis_url: str
    heal: tuple[str, ...]
    services: tuple[str, ...] = ()
    interval_s: float = 1.0
    full_every_s: float = 15.0
    cooldown_s: float = 600.0
    grace_s: float = 30.0
    concurrent: int = 2
    breaker: int = 3
    budget_usd: float | None = None
    service_budget_usd: float | None = None
    quiet_hours: tuple[str, str] | None = None
    dry_run: bool = False
    pause_s: float = 10.0
    healed_s: float = 600.0
    metrics_port: int = 0

    @property
    def restraint(self) -> Restraint:
        """What holds heals back. Raises ValueError for quiet hours that are no times."""
        hours = self.quiet_hours
        quiet = (time.fromisoformat(hours[0]), time.fromisoformat(hours[1])) if hours else None
        return Restraint(
            self.cooldown_s, self.breaker, self.budget_usd, self.service_budget_usd, quiet, self.dry_run
        )
