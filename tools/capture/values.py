"""The Redis values that a component consumes, typed and bounded, read side by side from all buses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from redis import Redis, RedisError

from tools.health import connect
from tools.truth import Use, name_pattern

TIMEOUT_S = 0.5
DEADLINE_S = 0.8
LARGEST_VALUE = 1 << 20
"""Characters of one string; a longer one is cut and marked as `cut`."""
MOST_KEYS = 20
"""Keys that one name with a wildcard may stand for."""
SCAN_ROUNDS, SCAN_COUNT = 50, 500
LAST_ENTRIES = 50
"""Of a list or a stream; of hashes and sets twenty times as many members."""

Typed = dict[str, Any]
"""One value as `tools.incident.RedisValue` reads it: type, value, ttl; `cut` where it was bounded."""


def read_values(uses: Iterable[Use], buses: Mapping[str, str]) -> dict[str, dict[str, Typed]]:
    """Read what is there of the named keys, by bus and key; a bus that does not answer gives nothing."""
    by_bus: dict[str, list[Use]] = {}
    for use in uses:
        if use.kind != "channel" and use.bus in buses:
            by_bus.setdefault(use.bus, []).append(use)
    found: dict[str, dict[str, Typed]] = {bus: {} for bus in by_bus}
    threads = [
        threading.Thread(target=_read_bus, args=(buses[bus], wanted, found[bus]), daemon=True)
        for bus, wanted in by_bus.items()
    ]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + DEADLINE_S
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    # A thread that still reads may add to its own dict: hand out copies.
    return {bus: dict(values) for bus, values in found.items() if values}


def _read_bus(url: str, uses: list[Use], into: dict[str, Typed]) -> None:
    try:
        client = connect(url, TIMEOUT_S)
    except (ValueError, RedisError):
        return
    try:
        for key in dict.fromkeys(key for use in uses for key in _keys(client, use.name)):
            value = _read(client, key)
            if value is not None:
                into[_text(key)] = value
    except (RedisError, OSError):
        return
    finally:
        client.close()


def _keys(client: Redis, name: str) -> Iterator[bytes | str]:
    """The keys that a name stands for: itself, or what a bounded scan finds for a wildcard."""
    if "{" not in name and "*" not in name:
        yield name
        return
    pattern, cursor, found = name_pattern(name), 0, 0
    glob = name_pattern(name).pattern.replace(".+", "*").replace("\\", "")
    for _ in range(SCAN_ROUNDS):
        cursor, keys = client.scan(cursor, match=glob, count=SCAN_COUNT)
        for key in sorted(keys):
            if pattern.fullmatch(_text(key)) and found < MOST_KEYS:
                found += 1
                yield key
        if cursor == 0 or found >= MOST_KEYS:
            return


def _read(client: Redis, key: bytes | str) -> Typed | None:
    kind = _text(client.type(key))
    with client.pipeline(transaction=False) as pipeline:
        pipeline.pttl(key)
        _queue(pipeline, key, kind)
        ttl, *answers = pipeline.execute(raise_on_error=False)
    if len(answers) != 2 or any(isinstance(answer, Exception) for answer in answers):
        return None
    size, raw = answers
    value, kept = _plain(kind, raw)
    typed: Typed = {"type": kind, "value": value, "ttl": ttl / 1000 if ttl >= 0 else None}
    return {**typed, "cut": True} if size > kept else typed


def _queue(pipeline: Any, key: bytes | str, kind: str) -> None:
    """Ask for the size and the bounded content of a value."""
    many = LAST_ENTRIES * 20
    if kind == "string":
        pipeline.strlen(key).getrange(key, 0, LARGEST_VALUE - 1)
    elif kind == "hash":
        pipeline.hlen(key).hscan(key, count=many)
    elif kind == "list":
        pipeline.llen(key).lrange(key, -LAST_ENTRIES, -1)
    elif kind == "set":
        pipeline.scard(key).srandmember(key, many)
    elif kind == "zset":
        pipeline.zcard(key).zrange(key, -many, -1, withscores=True)
    elif kind == "stream":
        pipeline.xlen(key).xrevrange(key, count=LAST_ENTRIES)


def _plain(kind: str, raw: Any) -> tuple[Any, int]:
    """A value as JSON holds it, and how much of it that is."""
    if kind == "string":
        return _text(raw), len(raw)
    if kind == "hash":
        fields = {_text(field): _text(value)[:LARGEST_VALUE] for field, value in raw[1].items()}
        return fields, len(fields)
    if kind == "zset":
        return [[_text(member), score] for member, score in raw], len(raw)
    if kind == "stream":
        entries = [
            [_text(entry), {_text(name): _text(value) for name, value in (fields or {}).items()}]
            for entry, fields in reversed(raw)
        ]
        return entries, len(entries)
    members = [_text(member)[:LARGEST_VALUE] for member in raw]
    return sorted(members) if kind == "set" else members, len(members)


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
