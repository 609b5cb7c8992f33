"""What is known between two looks, and the rules by which it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["unseen", "up", "lost", "down", "stopped"]
How = Literal["crash", "orderly", "silent"]

LOOKS_TO_BELIEVE = 2
"""How many looks in a row must agree before a Redis is called down or a service degraded."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When to believe what. Times are seconds.

    `grace_s` is what a start may take. `loop_count` ends by a crash within `loop_window_s` are a
    crash loop; an end without a trace counts when the process lived less than `short_life_s`.
    After an outage of system-redis a living service gets `reconnect_s` to notice, and its TTL to beat.
    A new process that dies is news again `again_s` after the last time. PID files written
    before `boot` (Unix seconds) are of another life of the machine.
    """

    grace_s: float = 30.0
    loop_count: int = 3
    loop_window_s: float = 300.0
    short_life_s: float = 60.0
    again_s: float = 600.0
    reconnect_s: float = 5.0
    boot: float = 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, by the end of its log.

    `signature` is the same for the same fault; `uncaught` says that the error itself ends the log.
    """

    how: How
    error: str | None = None
    signature: str | None = None
    uncaught: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one service. Times are Unix seconds, None where they do not apply.

    `pid` and `started` are of the last process that was seen alive; `keyless` is since when its
    key is gone. `doubtful` says that it beats on while the process that is on record is dead.
    """

    phase: Phase = "unseen"
    since: float = 0.0
    pid: int | None = None
    started: float | None = None
    recorded: bool = False
    beaten: bool = False
    keyless: float | None = None
    age: float | None = None
    doubtful: bool = False
    crashes: tuple[float, ...] = ()
    looping: bool = False
    late_looks: int = 0
    sick_looks: int = 0


@dataclass(frozen=True, slots=True)
class KnownRedis:
    """What is known of one Redis. `since` is when it went down or came back, Unix seconds."""

    down: bool = False
    since: float = 0.0
    bad_looks: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is known between two looks."""

    services: Mapping[str, Known] = field(default_factory=dict)
    redis: Mapping[str, KnownRedis] = field(default_factory=dict)
