"""How to watch, as plain values: the caller's settings end here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """How to watch. Times are seconds.

    `heal` is the command of a heal, to which the incident's id is appended. `services` empty
    means all that Truth names.
    """

    root: Path
    state: Path
    system_redis_url: str
    heal: tuple[str, ...]
    services: tuple[str, ...] = ()
    interval_s: float = 1.0
    cooldown_s: float = 600.0
    grace_s: float = 30.0
    concurrent: int = 2
