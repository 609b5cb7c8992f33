"""The captured world as a boot takes it: Truth of the tree, buses of the box, values, messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.boot import Message, Value, World
from tools.incident import IncidentFolder
from tools.replay.mysql import inside as mysql_inside
from tools.replay.mysql import mysql_for
from tools.truth import MYSQL_ADDRESS, SERVICES, TRUTH_KEY, Truth, is_secret_name

SYSTEM_BUS = "system-redis"
LOCAL = "127.0.0.1"
FIRST_SPARE_PORT = 6390
_REDIS_URL = re.compile(r"(?:redis|valkey)s?://[^\s\"',]+")


def make_world(folder: IncidentFolder, service: str, truth: Truth, paths: tuple[str, ...] = ()) -> World:
    """The world of an incident for `service`, with the Truth of one tree, secrets already out of it.

    `paths` are the HTTP paths that the service's code names.
    """
    buses = _buses(truth)
    ports = {urlsplit(url).port for url in buses.values()}
    return World(
        service=service,
        buses=buses,
        truth_bus=SYSTEM_BUS if SYSTEM_BUS in buses else next(iter(buses)),
        truth=mysql_inside(_inside(truth.document, truth.buses(), buses)),
        values=_values(folder, service, buses),
        messages=tuple(_messages(folder, buses)),
        env=_environment(service, truth, buses),
        entry_point=truth.component(service).entry_point,
        closed_ports=tuple(sorted(port for port in _live_ports(truth) if port not in ports)),
        paths=paths,
        mysql=mysql_for(truth, service),
    )


def _buses(truth: Truth) -> dict[str, str]:
    """A URL inside the box for every Redis that Truth names anywhere: the same port, no password."""
    taken: dict[int, str] = {}
    for name, url in truth.buses().items():
        port = urlsplit(url).port or 6379
        if port in taken:
            port = next(spare for spare in range(FIRST_SPARE_PORT, 65535) if spare not in taken)
        taken[port] = name
    for url in _redis_urls(truth.document):
        taken.setdefault(urlsplit(url).port or 6379, f"redis-{urlsplit(url).port or 6379}")
    return {name: f"redis://{LOCAL}:{port}" for port, name in taken.items()}


def _redis_urls(node: Any) -> Iterator[str]:
    for text in _strings(node):
        for found in _REDIS_URL.finditer(text):
            if _port(found.group()) is not None:
                yield found.group()


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping | list):
        for item in node.values() if isinstance(node, Mapping) else node:
            yield from _strings(item)


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port or 6379
    except ValueError:
        return None


def _inside(node: Any, outside: Mapping[str, str], buses: Mapping[str, str]) -> Any:
    """A Truth document with the URL of every Redis replaced by the box's."""
    if isinstance(node, Mapping):
        return {key: _inside(value, outside, buses) for key, value in node.items()}
    if isinstance(node, list):
        return [_inside(value, outside, buses) for value in node]
    return (
        _REDIS_URL.sub(lambda found: _boxed(found.group(), outside, buses), node) if _is_text(node) else node
    )


def _is_text(node: Any) -> bool:
    return isinstance(node, str) and "://" in node


def _boxed(url: str, outside: Mapping[str, str], buses: Mapping[str, str]) -> str:
    named = next((buses[name] for name, theirs in outside.items() if theirs == url and name in buses), None)
    if named is not None:
        return named
    port = _port(url)
    return url if port is None else f"redis://{LOCAL}:{port}{urlsplit(url).path}"


def _values(folder: IncidentFolder, service: str, buses: Mapping[str, str]) -> dict[str, dict[str, Value]]:
    """The captured values; Truth comes from the tree, and the service's own heartbeat from itself."""
    left_out = {TRUTH_KEY, f"{service}:heartbeat"}
    values: dict[str, dict[str, Value]] = {}
    for bus, keys in folder.redis_values().items():
        if (name := _bus(bus, buses)) is not None:
            loaded = {
                key: Value(one.type, one.value, one.ttl) for key, one in keys.items() if key not in left_out
            }
            values.setdefault(name, {}).update(loaded)
    return values


def _messages(folder: IncidentFolder, buses: Mapping[str, str]) -> Iterator[Message]:
    for message in folder.messages():
        if (name := _bus(message.bus, buses)) is not None:
            yield Message(name, message.channel, message.data)


def _bus(name: str, buses: Mapping[str, str]) -> str | None:
    return next((known for known in (name, f"{name}-redis") if known in buses), None)


def _environment(service: str, truth: Truth, buses: Mapping[str, str]) -> dict[str, str]:
    """What a start-up script sets, and a placeholder for every key that Truth takes from the shell."""
    urls = {f"{name.upper().replace('-', '_')}_URL": url for name, url in buses.items()}
    wanted = truth.component(service).unresolved
    keys = {name: f"placeholder-{name.lower()}" for name in wanted if is_secret_name(name)}
    return {"SERVICE_ID": service, "PYTHONUNBUFFERED": "1", **keys, **urls}


def _live_ports(truth: Truth) -> set[int]:
    """Ports on which MySQL and the services listen where they really run."""
    known = {facts.port for facts in SERVICES.values()} | {
        truth.component(name).port for name in truth.services
    }
    return {port for port in known if port is not None} | {MYSQL_ADDRESS[1], truth.mysql_address()[1]}
