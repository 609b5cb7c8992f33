"""One Redis server: a persistent connection, one pipeline a look, no waiting beyond its time-out.

The library's defaults wait for a minute on a server that accepts and never answers, so every
time-out and the retry rule are set here. Refused is dead; silence is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

from tools.health.state import RedisState

MIB = 1024 * 1024
SILENT = "did not answer within {:g} s"


def connect(url: str, timeout_s: float, **options: Any) -> Redis:
    """A client that never retries and never waits longer than `timeout_s` for one answer.

    Raises:
        ValueError: the URL is not one of a Redis server.
    """
    settings: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "protocol": 2,
        "driver_info": None,
    }
    return Redis.from_url(_without_options(url), **(settings | options))


def ping(url: str, timeout_s: float = 1.0) -> bool:
    """Does a Redis server answer at this URL?"""
    probe = RedisProbe(url, timeout_s)
    try:
        return probe.look(full=False)[0].alive is True
    finally:
        probe.close()


def _without_options(url: str) -> str:
    """The URL without options but `db`: an option in it would overrule the time-outs."""
    parts = urlsplit(url)
    options = [pair for pair in parts.query.split("&") if pair.startswith("db=")]
    return parts._replace(query="&".join(options)).geturl()


@dataclass(frozen=True, slots=True)
class Keys:
    """Values and remaining lives (ms; -1 no expiry, -2 no key) of the keys that were asked for."""

    values: dict[str, bytes | None]
    pttl: dict[str, int]


class RedisProbe:
    """Looks at one server again and again over one connection. Not for use by two threads at once."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client: Redis | None = None
        self._problem: str | None = None
        self._last = RedisState(alive=None)
        try:
            self._client = connect(url, timeout_s)
        except (ValueError, RedisError) as error:
            self._problem = f"cannot be connected to: {error}"

    def look(self, keys: Sequence[str] = (), full: bool = True) -> tuple[RedisState, Keys | None]:
        """The server's state, and the keys where it answered.

        Args:
            keys: keys to read; a key that holds no string counts as present without a value.
            full: ask for the server's figures too, else the last ones are kept.
        """
        if self._client is None:
            return RedisState(alive=None, error=self._problem), None
        try:
            answers = self._ask(self._client, keys, full)
        except TimeoutError:
            self._client.connection_pool.disconnect()
            return RedisState(alive=None, error=SILENT.format(self._timeout_s)), None
        except (RedisError, OSError, ValueError, AttributeError) as error:
            # The client has no buffer left to read into where it is closed under its reader.
            self._client.connection_pool.disconnect()
            return state_of_failure(error), None
        return self._read(answers, keys, full)

    def close(self) -> None:
        """Drop the connection, also under a thread that still waits on it."""
        if self._client is not None:
            self._client.close()

    def _ask(self, client: Redis, keys: Sequence[str], full: bool) -> list[Any]:
        try:
            return self._pipeline(client, keys, full)
        except TimeoutError:
            raise
        except ConnectionError:
            # A restarted server has closed the connection that we kept: that alone is no outage.
            client.connection_pool.disconnect()
            return self._pipeline(client, keys, full)

    def _pipeline(self, client: Redis, keys: Sequence[str], full: bool) -> list[Any]:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.info() if full else pipeline.ping()
            if keys:
                pipeline.mget(list(keys))
                for key in keys:
                    pipeline.pttl(key)
            return list(pipeline.execute(raise_on_error=False))

    def _read(self, answers: list[Any], keys: Sequence[str], full: bool) -> tuple[RedisState, Keys | None]:
        failure = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if isinstance(answers[0], Exception):
            return state_of_failure(answers[0]), None
        state = state_of_info(answers[0]) if full else replace(self._last, alive=True, error=None)
        self._last = state
        if failure is not None:
            return replace(state, error=str(failure)), None
        if not keys:
            return state, None
        values = dict(zip(keys, answers[1], strict=True))
        return state, Keys(values, dict(zip(keys, answers[2:], strict=True)))


def state_of_failure(error: Exception) -> RedisState:
    """What an error says of the server: answering with an error is alive, refusing is not."""
    text = str(error) or type(error).__name__
    if isinstance(error, BusyLoadingError):
        return RedisState(alive=True, persistence="loading", error=text)
    if isinstance(error, AuthenticationError | ResponseError):
        return RedisState(alive=True, error=text)
    if "max number of clients" in text:
        return RedisState(alive=True, error=text)
    if isinstance(error, ConnectionError | OSError):
        return RedisState(alive=False, error=text)
    return RedisState(alive=None, error=text)


def state_of_info(info: dict[str, Any]) -> RedisState:
    """The documented figures out of the answer to INFO; what is missing or odd stays None."""
    hits, misses = _count(info, "keyspace_hits"), _count(info, "keyspace_misses")
    asked = (hits or 0) + (misses or 0)
    databases = [entry for name, entry in info.items() if name.startswith("db") and isinstance(entry, dict)]
    peak = _float(info, "used_memory_peak")
    used = _float(info, "used_memory")
    return RedisState(
        alive=True,
        used_memory_mb=None if used is None else round(used / MIB, 2),
        used_memory_peak_mb=None if peak is None else round(peak / MIB, 2),
        connected_clients=_count(info, "connected_clients"),
        total_keys=sum(_count(entry, "keys") or 0 for entry in databases),
        uptime_seconds=_float(info, "uptime_in_seconds"),
        ops_per_sec=_float(info, "instantaneous_ops_per_sec"),
        hit_rate=round((hits or 0) / asked, 4) if asked else None,
        maxmemory=_count(info, "maxmemory"),
        evicted_keys=_count(info, "evicted_keys"),
        role=info["role"] if isinstance(info.get("role"), str) else None,
        persistence=_persistence(info),
    )


def _persistence(info: dict[str, Any]) -> str | None:
    if _count(info, "loading"):
        return "loading"
    said = (info.get("rdb_last_bgsave_status"), info.get("aof_last_write_status"))
    if "err" in said:
        return "failing"
    return "ok" if "ok" in said else None


def _float(info: dict[str, Any], name: str) -> float | None:
    value = info.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(info: dict[str, Any], name: str) -> int | None:
    value = _float(info, name)
    return None if value is None else int(value)
