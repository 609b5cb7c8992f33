"""A subscriber on every bus: nothing else keeps a message after PUBLISH.

The last messages of each channel that some service reads stay in a bounded ring, for the
captures; what comes on `healer:alerts` is handed on. Where system-redis tells of expired
keys, that is a hint to look.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from redis import RedisError, ResponseError

from agent.watch.expiry import Expiries
from tools.capture import Heard
from tools.health import SYSTEM_BUS, connect
from tools.truth import Use, overlaps

ALERTS = "healer:alerts"
MESSAGES = 50
CHANNEL_BYTES = 256 << 10
MESSAGE_CHARACTERS = 64 << 10
BLOCK_S = 5.0
PING_S = 30
LONGEST_PAUSE_S = 10.0


class Ring:
    """The last 50 messages of each channel, and less where they are big. Shared by threads."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], deque[Heard]] = {}
        self._bytes: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def add(self, heard: Heard) -> None:
        """Keep a message, and drop the oldest ones beyond the bounds."""
        place = (heard.bus, heard.channel)
        with self._lock:
            ring = self._heard.setdefault(place, deque())
            ring.append(heard)
            size = self._bytes.get(place, 0) + len(heard.data)
            while len(ring) > MESSAGES or (size > CHANNEL_BYTES and len(ring) > 1):
                size -= len(ring.popleft().data)
            self._bytes[place] = size

    def of(self, uses: Iterable[Use]) -> tuple[Heard, ...]:
        """What was heard on the channels among these names, oldest first."""
        channels = [use for use in uses if use.kind == "channel"]
        with self._lock:
            found = [
                heard
                for (bus, channel), ring in self._heard.items()
                if any(use.bus == bus and overlaps(use.name, channel) for use in channels)
                for heard in ring
            ]
        return tuple(sorted(found, key=lambda heard: heard.ts))


class Listener:
    """One thread and one connection per bus; a bus that is away is tried again and again.

    Args:
        uses: whose channels to keep; other kinds are left out.
        on_alert: called on another thread with each text of `healer:alerts`.
        expiries: takes what system-redis tells of keys that are gone.
    """

    def __init__(
        self,
        buses: Mapping[str, str],
        uses: Iterable[Use],
        ring: Ring,
        on_alert: Callable[[str], None],
        expiries: Expiries | None = None,
    ) -> None:
        self._ring = ring
        self._expiries = expiries
        self._on_alert = on_alert
        self._ended = threading.Event()
        names: dict[str, dict[str, None]] = {SYSTEM_BUS: {ALERTS: None}}
        for use in uses:
            if use.kind == "channel":
                names.setdefault(use.bus, {})[use.name] = None
        for bus, channels in names.items():
            if bus in buses:
                args = (bus, buses[bus], tuple(channels))
                threading.Thread(target=self._listen, args=args, name=f"listen {bus}", daemon=True).start()

    def close(self) -> None:
        """Stop; the threads end at their next wake-up."""
        self._ended.set()

    def _listen(self, bus: str, url: str, names: tuple[str, ...]) -> None:
        pause = 0.5
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self._subscribed(bus, url, names)
            except (RedisError, OSError, ValueError):
                pause = 0.5 if time.monotonic() - began > LONGEST_PAUSE_S else min(pause * 2, LONGEST_PAUSE_S)
                self._ended.wait(pause)

    def _subscribed(self, bus: str, url: str, names: tuple[str, ...]) -> None:
        client = connect(url, BLOCK_S, health_check_interval=PING_S)
        expiries = self._expiries if bus == SYSTEM_BUS else None
        try:
            subscriber: Any = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            plain = [name for name in names if "{" not in name and "*" not in name]
            patterns = [_glob(name) for name in names if name not in plain]
            if plain:
                subscriber.subscribe(*plain)
            if patterns:
                subscriber.psubscribe(*patterns)
            if expiries is not None:
                expiries.subscribe(client, subscriber)
            while not self._ended.is_set():
                message = subscriber.get_message(timeout=BLOCK_S)
                if expiries is not None and expiries.took(subscriber, message):
                    continue
                if message is not None:
                    self._heard(bus, message)
        except ResponseError:
            if expiries is not None:
                expiries.denied()
            raise
        finally:
            client.close()

    def _heard(self, bus: str, message: Mapping[str, Any]) -> None:
        data = message["data"]
        if not isinstance(data, bytes):
            return
        channel = message["channel"].decode("utf-8", "replace")
        text = data[: 4 * MESSAGE_CHARACTERS].decode("utf-8", "replace")[:MESSAGE_CHARACTERS]
        if channel == ALERTS and bus == SYSTEM_BUS:
            self._on_alert(text)
        else:
            self._ring.add(Heard(bus, channel, text, time.time()))


def _glob(name: str) -> str:
    while "{" in name and "}" in name.partition("{")[2]:
        before, _, rest = name.partition("{")
        name = before + "*" + rest.partition("}")[2]
    return name
