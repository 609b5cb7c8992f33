"""Expiries that system-redis announces of its own accord: a reason to look at once, and no evidence.

A server tells of keys that are gone only where its operator set `notify-keyspace-events`. That setting
is read and never changed. A server may also tell late, or not at all: the watch looks on its own all
the same, and a look alone decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from redis import Redis, ResponseError

SETTING = "notify-keyspace-events"
CLASSES = {"expired": "xA", "del": "gA"}
"""By event: the flags of the setting of which one makes the server send it."""
MOST_A_SECOND = 100
"""At this rate it costs 0.2 % of a core. A server that tells of more is not listened to for a while."""
PAUSE_S = 60.0


def announced(client: Redis, keys: Collection[str]) -> tuple[str, ...]:
    """The channels on which the server tells that one of these keys is gone; none where it does not.

    A keyspace channel is of one key. A keyevent channel is of all keys of the database, so it is
    the second choice.
    """
    try:
        flags = str(client.config_get(SETTING).get(SETTING, ""))
    except ResponseError:
        # CONFIG is often forbidden. Then there are no hints.
        return ()
    events = [event for event, classes in CLASSES.items() if set(classes) & set(flags)]
    database = client.connection_pool.connection_kwargs.get("db", 0)
    if events and "K" in flags:
        return tuple(f"__keyspace@{database}__:{key}" for key in keys)
    return tuple(f"__keyevent@{database}__:{event}" for event in events) if "E" in flags else ()


def gone_key(channel: str, data: str) -> str | None:
    """The key that a notification says is gone; None for any other message."""
    kind, _, rest = channel.partition("__:")
    if kind.startswith("__keyevent@") and rest in CLASSES:
        return data
    return rest if kind.startswith("__keyspace@") and data in CLASSES else None


class Expiries:
    """What one connection to system-redis is told of keys that are gone. For one thread.

    Args:
        keys: the keys that count.
        on_gone: called on that thread when one of them is said to be gone.
    """

    def __init__(self, keys: Collection[str], on_gone: Callable[[], None]) -> None:
        self._keys, self._on_gone = frozenset(keys), on_gone
        self._channels: tuple[str, ...] = ()
        self._denied = False
        self._window, self._count = 0.0, 0
        self._again_at: float | None = None

    def subscribe(self, client: Redis, subscriber: Any) -> None:
        """Listen on a new connection, where the server tells of expiries by itself."""
        self._channels = () if self._denied else announced(client, sorted(self._keys))
        self._again_at, self._count = None, 0
        if self._channels:
            subscriber.subscribe(*self._channels)

    def denied(self) -> None:
        """The server refused something on this connection: the next one does without these channels."""
        self._denied = bool(self._channels) or self._denied

    def took(self, subscriber: Any, message: Mapping[str, Any] | None) -> bool:
        """Take a message if it is a notification; with more of them than are worth it, pause."""
        now = time.monotonic()
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            subscriber.subscribe(*self._channels)
        channel = message["channel"].decode("utf-8", "replace") if message else ""
        if message is None or channel not in self._channels:
            return False
        if now - self._window >= 1.0:
            self._window, self._count = now, 0
        self._count += 1
        if self._count == MOST_A_SECOND:
            subscriber.unsubscribe(*self._channels)
            self._again_at = now + PAUSE_S
        if gone_key(channel, message["data"].decode("utf-8", "replace")) in self._keys:
            self._on_gone()
        return True
