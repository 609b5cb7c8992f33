"""The incident's world as data: what a capture writes and everything else reads.

An incident is a folder. `IncidentFolder` names the files in it; a folder that holds
only `incident.json`, `log.txt` and `snapshot.json` is enough to run on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Trigger = Literal["service_down", "crash_loop", "heartbeat_lost", "redis_down", "manual", "recorded"]
HeartbeatStatus = Literal["healthy", "degraded", "dead", "running_no_heartbeat", "unknown"]

SERVICE_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"


class IncidentError(Exception):
    """An incident folder that cannot be used; the message says what is missing and what to do."""


class Model(BaseModel):
    """Base of the captured records: unknown fields are tolerated, since other collectors write them too."""

    model_config = ConfigDict(extra="ignore", frozen=True)


T = TypeVar("T", bound=Model)


class RedisHealth(Model):
    """One Redis server. `None` is unknown. Sizes in MiB, uptime in seconds, hit rate 0 to 1."""

    alive: bool | None = None
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
    error: str | None = None


class Heartbeat(Model):
    """One service's heartbeat and process. Times are Unix seconds, ages and TTLs seconds."""

    alive: bool | None = None
    status: HeartbeatStatus = "unknown"
    last_ts: float | None = None
    age_sec: float | None = None
    ttl_remaining: float | None = None
    expected_ttl: float | None = None
    pid_alive: bool | None = None
    pid: int | None = None


class HttpHealth(Model):
    """One HTTP health endpoint, or the error that stood in the way."""

    reachable: bool | None = None
    healthy: bool | None = None
    status_code: int | None = None
    error: str | None = None


class MysqlHealth(Model):
    """The MySQL server, by its handshake."""

    alive: bool | None = None
    version: str | None = None
    error: str | None = None


class Snapshot(Model):
    """Health of the whole platform at one moment, in the shape of MarketSwarm's own collector.

    `ts` is Unix seconds, `score` 0 (all dead) to 1 (all well). The fields after `score` are
    ours and absent from snapshots that others wrote.
    """

    ts: float | None = None
    ts_iso: str | None = None
    redis: dict[str, RedisHealth] = Field(default_factory=dict)
    heartbeats: dict[str, Heartbeat] = Field(default_factory=dict)
    http_health: dict[str, HttpHealth] = Field(default_factory=dict)
    score: float | None = None
    mysql: MysqlHealth | None = None
    disk_free_mb: float | None = None


class Incident(Model):
    """One death of one service. `commit` is the commit that was checked out when it died."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    service: str = Field(pattern=f"^{SERVICE_NAME}$")
    commit: str = Field(pattern=r"^[0-9a-fA-F]{4,64}$")
    detected_at: datetime | None = None
    trigger: Trigger = "recorded"
    repo: str | None = None
    pid: int | None = None
    exit_code: int | None = None
    dirty: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Message(Model):
    """One message that was published on a channel. `ts` is Unix seconds, 0 when unknown."""

    bus: str
    channel: str
    data: str
    ts: float = 0.0


class RedisValue(Model):
    """One captured key. `ttl` in seconds, `None` when it does not expire.

    `value` is a str for strings, an object of str for hashes, a list of str for lists and
    sets, [member, score] pairs for sorted sets and [id, {field: value}] pairs for streams.
    """

    type: Literal["string", "hash", "list", "set", "zset", "stream"]
    value: Any
    ttl: float | None = None


RedisValues = dict[str, dict[str, RedisValue]]
"""Captured values by bus name and key."""


@dataclass(frozen=True, slots=True)
class IncidentFolder:
    """The files of one captured incident."""

    path: Path

    @property
    def log(self) -> Path:
        """The end of the service's own log."""
        return self.path / "log.txt"

    def other_log(self, service: str) -> Path:
        """The end of another service's log at the same moment."""
        return self.path / "logs" / f"{service}.txt"

    def incident(self) -> Incident:
        """Read `incident.json`.

        Raises:
            IncidentError: it is missing or not an incident.
        """
        return self._read("incident.json", Incident)

    def snapshot(self) -> Snapshot:
        """Read `snapshot.json`; a missing file is an empty snapshot, in which everything is unknown."""
        if not (self.path / "snapshot.json").exists():
            return Snapshot()
        return self._read("snapshot.json", Snapshot)

    def truth(self) -> dict[str, Any] | None:
        """The service's Truth component as it was captured (redacted), or None."""
        return self._json("truth.json")

    def redis_values(self) -> RedisValues:
        """The captured Redis values, by bus and key; empty when none were captured."""
        raw = self._json("redis.json") or {}
        try:
            return {
                bus: {key: RedisValue.model_validate(value) for key, value in keys.items()}
                for bus, keys in raw.items()
            }
        except (ValidationError, AttributeError) as error:
            raise IncidentError(
                f"{self.path / 'redis.json'} is not a capture of Redis values: {error}"
            ) from error

    def messages(self) -> list[Message]:
        """The last messages of the channels that the service subscribes to, oldest first."""
        file = self.path / "messages.jsonl"
        if not file.exists():
            return []
        lines = file.read_text(encoding="utf-8").splitlines()
        return [Message.model_validate_json(line) for line in lines if line.strip()]

    def _json(self, name: str) -> dict[str, Any] | None:
        file = self.path / name
        if not file.exists():
            return None
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise IncidentError(f"{file} is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise IncidentError(f"{file} must hold a JSON object, not {type(value).__name__}")
        return value

    def _read(self, name: str, model: type[T]) -> T:
        raw = self._json(name)
        if raw is None:
            raise IncidentError(
                f"{self.path} has no {name}: an incident folder needs incident.json and log.txt"
            )
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise IncidentError(f"{self.path / name}: {where}: {first['msg']}") from error
