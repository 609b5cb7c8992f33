"""Health as plain values, and the documented JSON shape of a snapshot.

These are what the watch keeps in memory: no pydantic here, since the watch is to stay small.
`tools.incident.Snapshot` reads the same shape back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["healthy", "degraded", "dead", "running_no_heartbeat", "unknown"]
ProcessFate = Literal["alive", "dead", "zombie", "stranger", "unknown"]

WEIGHT: dict[Status, float] = {"healthy": 1.0, "degraded": 0.5, "running_no_heartbeat": 0.25, "dead": 0.0}


@dataclass(frozen=True, slots=True)
class RedisState:
    """One Redis server. `alive` is None when it did not answer in time: that is not dead.

    Sizes in MiB, uptime in seconds, hit rate 0 to 1; `persistence` is "ok", "failing" or "loading".
    """

    alive: bool | None
    used_memory_mb: float | None = None
    used_memory_peak_mb: float | None = None
    connected_clients: int | None = None
    total_keys: int | None = None
    uptime_seconds: float | None = None
    ops_per_sec: float | None = None
    hit_rate: float | None = None
    maxmemory: int | None = None
    evicted_keys: int | None = None
    role: str | None = None
    persistence: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessState:
    """The process of a service. A `stranger` has its PID but is another program.

    `started` is Unix seconds of the process, `recorded` whether a PID file exists, `recorded_at`
    when that file was written.
    """

    fate: ProcessFate
    pid: int | None = None
    started: float | None = None
    recorded: bool = False
    recorded_at: float | None = None

    @property
    def alive(self) -> bool | None:
        """True or False where it is known, None where no PID is."""
        return None if self.fate == "unknown" else self.fate == "alive"


@dataclass(frozen=True, slots=True)
class Beat:
    """The heartbeat key of a service. `present` is None when system-redis could not be read.

    `ts` and `pid` come from the payload and may be missing from it. Times in seconds.
    """

    present: bool | None
    ts: float | None = None
    age: float | None = None
    ttl: float | None = None
    pid: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service: its heartbeat, its process and what the two say together."""

    status: Status
    beat: Beat
    process: ProcessState
    expected_ttl: float

    def document(self) -> dict[str, Any]:
        """The service's entry under `heartbeats`."""
        return {
            "alive": self.beat.present,
            "status": self.status,
            "last_ts": self.beat.ts,
            "age_sec": rounded(self.beat.age),
            "ttl_remaining": rounded(self.beat.ttl),
            "expected_ttl": self.expected_ttl,
            "pid_alive": self.process.alive,
            "pid": self.process.pid,
        }


@dataclass(frozen=True, slots=True)
class HttpState:
    """One HTTP health endpoint. None is unknown."""

    reachable: bool | None
    healthy: bool | None = None
    status_code: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class MysqlState:
    """The MySQL server, by its greeting. `alive` is None when it did not answer in time."""

    alive: bool | None
    version: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Everything at one moment. `ts` is Unix seconds; `mysql` is None where nobody uses it."""

    ts: float
    redis: Mapping[str, RedisState] = field(default_factory=dict)
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    http: Mapping[str, HttpState] = field(default_factory=dict)
    mysql: MysqlState | None = None
    disk_free_mb: float | None = None

    @property
    def score(self) -> float | None:
        """The mean of all parts that are known: 1 is well, 0 is dead. None when nothing is known."""
        parts = [float(state.alive) for state in self.redis.values() if state.alive is not None]
        parts += [WEIGHT[state.status] for state in self.services.values() if state.status in WEIGHT]
        parts += [float(state.healthy) for state in self.http.values() if state.healthy is not None]
        if self.mysql is not None and self.mysql.alive is not None:
            parts.append(float(self.mysql.alive))
        return round(sum(parts) / len(parts), 3) if parts else None

    def document(self) -> dict[str, Any]:
        """The snapshot as MarketSwarm's own collector writes it, and a few fields more."""
        return {
            "ts": self.ts,
            "ts_iso": datetime.fromtimestamp(self.ts, UTC).isoformat(),
            "redis": {name: asdict(state) for name, state in self.redis.items()},
            "heartbeats": {name: state.document() for name, state in self.services.items()},
            "http_health": {name: asdict(state) for name, state in self.http.items()},
            "score": self.score,
            "mysql": asdict(self.mysql) if self.mysql else None,
            "disk_free_mb": self.disk_free_mb,
        }


def rounded(seconds: float | None) -> float | None:
    """Seconds to the hundredth, which is finer than any of this is measured."""
    return None if seconds is None else round(seconds, 2)
