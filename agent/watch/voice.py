"""What the watch tells others over system-redis: its signals and its own heartbeat.

The signals go to the channel `autohealer:events` and to no other; `agent.watch.signals` describes them.
The heartbeat is the key `autohealer:heartbeat`, set every 5 s with a TTL of 15 s, gone when the watch was
told to stop. Its value is one JSON object:

    service   "autohealer"
    ts        Unix seconds
    pid       of the watch
    status    "running"
"""

from __future__ import annotations

import json
import os
import time
from collections import deque

from redis import Redis, RedisError

from agent.watch.eyes import ENABLED_KEY
from agent.watch.signals import Signal
from tools.health import connect

EVENTS = "autohealer:events"
HEARTBEAT = "autohealer:heartbeat"
INTERVAL_S = 5.0
TTL_S = 15
TIMEOUT_S = 0.5
KEPT = 500
"""Signals that wait for a Redis that is away; the oldest ones go first."""


class Voice:
    """Publishes in order; what cannot be said now is said when system-redis is back."""

    def __init__(self, system_redis_url: str) -> None:
        self._client: Redis = connect(system_redis_url, TIMEOUT_S)
        self._waiting: deque[str] = deque(maxlen=KEPT)
        self._next_beat = 0.0

    def say(self, signal: Signal) -> None:
        """Queue a signal for `autohealer:events`."""
        self._waiting.append(signal.json())

    def speak(self, now: float) -> None:
        """Publish what waits, and beat when it is time. `now` is on the monotonic clock."""
        if not self._waiting and now < self._next_beat:
            return
        try:
            while self._waiting:
                self._client.publish(EVENTS, self._waiting[0])
                self._waiting.popleft()
            if now >= self._next_beat:
                self._client.set(HEARTBEAT, self._beat(), ex=TTL_S)
                self._next_beat = now + INTERVAL_S
        except (RedisError, OSError):
            self._client.connection_pool.disconnect()

    def switch(self, enabled: bool) -> bool:
        """Set the operators' switch; False when system-redis cannot be written."""
        try:
            return bool(self._client.set(ENABLED_KEY, "1" if enabled else "0"))
        except (RedisError, OSError):
            return False

    def close(self) -> None:
        """Take the heartbeat back and hang up."""
        try:
            self._client.delete(HEARTBEAT)
        except (RedisError, OSError):
            pass
        finally:
            self._client.close()

    def _beat(self) -> str:
        return json.dumps(
            {"service": "autohealer", "ts": time.time(), "pid": os.getpid(), "status": "running"}
        )
