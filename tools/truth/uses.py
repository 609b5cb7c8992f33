"""Which names on which buses a component reads and writes, whatever shape its Truth has.

Deployments write this down in many ways: entries with `bus`, `kind` and `name`; maps from a
bus to lists of `channels` and `keys`; `subscribe_to` lists. One walk understands all of them,
and skips what it does not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

from tools.truth.reference import MARKET, Kind, Use

Direction = Literal["reads", "writes"]

KINDS: dict[str, Kind] = {
    "channel": "channel",
    "channels": "channel",
    "pubsub": "channel",
    "psubscribe": "channel",
    "subscribe": "channel",
    "subscribes": "channel",
    "subscribe_to": "channel",
    "subscriptions": "channel",
    "publish": "channel",
    "publishes": "channel",
    "publish_to": "channel",
    "topics": "channel",
    "key": "key",
    "keys": "key",
    "hash": "key",
    "string": "key",
    "value": "key",
    "models": "key",
    "pattern": "key",
    "stream": "stream",
    "streams": "stream",
    "list": "list",
    "lists": "list",
    "queue": "list",
    "queues": "list",
}
READ_SECTIONS = ("inputs", "input", "consumes", "reads", "subscribe", "subscribe_to", "subscriptions")
WRITE_SECTIONS = ("outputs", "output", "produces", "writes", "publish", "publish_to")
WRAPPERS = ("access_points", "redis")
NAME_FIELDS = ("channel", "key", "stream", "list", "queue", "pattern", "name")
BUS_FIELDS = ("bus", "redis", "instance", "source", "target")
NOT_REDIS = ("http", "mysql", "files", "env")
DEPTH = 8


def uses_of(component: Mapping[str, Any], direction: Direction, buses: Collection[str]) -> tuple[Use, ...]:
    """What this raw component reads or writes, in order and without doubles."""
    sections = READ_SECTIONS if direction == "reads" else WRITE_SECTIONS
    found: dict[Use, None] = {}
    for holder in (component, *(component[key] for key in WRAPPERS if isinstance(component.get(key), dict))):
        for section in sections:
            if section in holder:
                start = KINDS.get(section)
                found.update(dict.fromkeys(_walk(holder[section], None, start, frozenset(buses), DEPTH)))
    return tuple(found)


def _walk(node: Any, bus: str | None, kind: Kind | None, buses: Collection[str], depth: int) -> Iterator[Use]:
    if depth == 0:
        return
    if isinstance(node, str):
        yield from _named(node, bus, kind, buses)
    elif isinstance(node, list):
        for item in node:
            yield from _walk(item, bus, kind, buses, depth - 1)
    elif isinstance(node, dict):
        entry = _entry(node, bus, kind, buses)
        if entry is not None:
            yield entry
        else:
            yield from _sections(node, bus, kind, buses, depth)


def _sections(
    node: Mapping[str, Any], bus: str | None, kind: Kind | None, buses: Collection[str], depth: int
) -> Iterator[Use]:
    inherited = next((b for key in BUS_FIELDS if (b := as_bus(node.get(key), buses))), bus)
    for key, value in node.items():
        inner_bus = as_bus(key, buses) or inherited
        inner_kind = KINDS.get(key, kind)
        if key in NOT_REDIS:
            continue
        if isinstance(value, dict | list) or (isinstance(value, str) and key in KINDS):
            yield from _walk(value, inner_bus, inner_kind, buses, depth - 1)


def _entry(node: Mapping[str, Any], bus: str | None, kind: Kind | None, buses: Collection[str]) -> Use | None:
    field = next((key for key in NAME_FIELDS if isinstance(node.get(key), str)), None)
    if field is None:
        return None
    own_bus = next((b for key in BUS_FIELDS if (b := as_bus(node.get(key), buses))), bus)
    said = node.get("kind", node.get("type"))
    own_kind = KINDS.get(said) if isinstance(said, str) else None
    own_kind = own_kind or KINDS.get(field) or kind or "key"
    return Use(own_bus or MARKET, own_kind, node[field]) if node[field] else None


def _named(text: str, bus: str | None, kind: Kind | None, buses: Collection[str]) -> Iterator[Use]:
    """A bare string: a name, or `bus:name`; nothing that is a URL or a bus alone."""
    if not text or "://" in text or as_bus(text, buses) or (bus is None and kind is None and ":" not in text):
        return
    head, _, rest = text.partition(":")
    if rest and head in buses:
        yield Use(head, kind or "key", rest)
    else:
        yield Use(bus or MARKET, kind or "key", text)


def as_bus(text: Any, buses: Collection[str]) -> str | None:
    """The bus that a word means: `market-redis`, `market_redis` or `market`."""
    if not isinstance(text, str):
        return None
    word = text.replace("_", "-").lower()
    return next((bus for bus in buses if word in (bus, bus.removesuffix("-redis"))), None)
