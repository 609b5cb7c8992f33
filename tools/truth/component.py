"""One component of Truth, read tolerantly, with the documentation's table behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tools.truth.reference import (
    DEFAULT_INTERVAL_S,
    DEFAULT_TTL_S,
    READS,
    SERVICES,
    SYSTEM,
    WRITES,
    Lang,
    ServiceFacts,
    Use,
)
from tools.truth.secrets import is_api_key, is_unresolved
from tools.truth.uses import as_bus, uses_of


@dataclass(frozen=True, slots=True)
class HttpUpstream:
    """An HTTP server that a component calls. `service` is set where it is one of ours."""

    url: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """What Truth, or else the documentation, says of one service.

    `dependencies` are names of services. Interval and TTL are seconds. `api_keys` are names of
    environment variables, `unresolved` those that stand in Truth as a bare `${NAME}`.
    """

    name: str
    lang: Lang
    entry_point: str
    port: int | None
    health_path: str | None
    interval_s: float
    ttl_s: float
    buses: tuple[str, ...]
    reads: tuple[Use, ...]
    writes: tuple[Use, ...]
    dependencies: tuple[str, ...]
    mysql: bool
    http: tuple[HttpUpstream, ...]
    api_keys: tuple[str, ...]
    unresolved: tuple[str, ...]
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def read_component(
    name: str, raw: Mapping[str, Any], services: Collection[str], buses: Collection[str]
) -> Component:
    """Read one raw component; what it does not say comes from the documentation's table."""
    facts = SERVICES.get(name) or ServiceFacts("python", f"services/{name}/main.py", (SYSTEM,))
    reads = uses_of(raw, "reads", buses) if raw else READS.get(name, ())
    writes = uses_of(raw, "writes", buses) if raw else WRITES.get(name, ())
    interval, ttl = _rhythm(raw, facts)
    env = _mapping(raw, "env")
    return Component(
        name=name,
        lang=_lang(raw, facts),
        entry_point=_text(raw, "entry_point", "entrypoint", "main") or facts.entry_point,
        port=_port(raw) or facts.port,
        health_path=_health_path(raw),
        interval_s=interval,
        ttl_s=ttl,
        buses=_buses(raw, facts, reads + writes, buses),
        reads=reads,
        writes=writes,
        dependencies=tuple(_dependencies(name, raw, facts, services)),
        mysql=_mysql(raw, facts),
        http=tuple(dict.fromkeys(_upstreams(raw, services))),
        api_keys=tuple(key for key in env if is_api_key(key)) or facts.api_keys,
        unresolved=tuple(key for key, value in env.items() if is_unresolved(value)),
        raw=raw,
    )


def _rhythm(raw: Mapping[str, Any], facts: ServiceFacts) -> tuple[float, float]:
    said = _mapping(raw, "heartbeat")
    interval = _number(said, "interval_sec", "interval") or facts.interval_s or DEFAULT_INTERVAL_S
    ttl = _number(said, "ttl_sec", "ttl")
    if ttl is None:
        ttl = 3 * interval if "interval_sec" in said else (facts.ttl_s or DEFAULT_TTL_S)
    return interval, ttl


def _lang(raw: Mapping[str, Any], facts: ServiceFacts) -> Lang:
    said = (_text(raw, "lang", "language", "runtime") or "").lower()
    entry = _text(raw, "entry_point", "entrypoint", "main") or ""
    if "node" in said or "javascript" in said or entry.endswith((".js", ".mjs", ".cjs", ".ts")):
        return "node"
    return "python" if "python" in said or entry.endswith(".py") else facts.lang


def _port(raw: Mapping[str, Any]) -> int | None:
    places = (
        _mapping(_mapping(raw, "outputs"), "http"),
        raw,
        _mapping(raw, "meta"),
        _mapping(raw, "http"),
        _mapping(raw, "env"),
    )
    for place in places:
        port = _number(place, "port", "PORT", "HTTP_PORT", "API_PORT")
        if port is not None and 0 < port < 65536:
            return int(port)
    return None


def _health_path(raw: Mapping[str, Any]) -> str | None:
    for place in (_mapping(_mapping(raw, "outputs"), "http"), _mapping(raw, "http"), raw):
        said = _text(place, "health", "health_path", "health_url")
        if said:
            path = urlsplit(said).path if "://" in said else said
            return path if path.startswith("/") else f"/{path}"
    return None


def _buses(
    raw: Mapping[str, Any], facts: ServiceFacts, uses: tuple[Use, ...], known: Collection[str]
) -> tuple[str, ...]:
    said = raw.get("buses", raw.get("redis"))
    words = said if isinstance(said, list | dict) else []
    named = [bus for word in words if (bus := as_bus(word, known))]
    if not raw or not (named or uses):
        return facts.buses
    return tuple(dict.fromkeys((SYSTEM, *named, *(use.bus for use in uses))))


def _dependencies(
    name: str, raw: Mapping[str, Any], facts: ServiceFacts, services: Collection[str]
) -> Iterator[str]:
    said = _words(raw)
    for word in facts.dependencies if said is None else said:
        if word != name and (word in services or word in SERVICES):
            yield word


def _words(raw: Mapping[str, Any]) -> list[str] | None:
    said = raw.get("dependencies", raw.get("depends_on"))
    if isinstance(said, dict):
        said = [item for key, value in said.items() for item in (value if isinstance(value, list) else [key])]
    if not isinstance(said, list):
        return None
    names = (item.get("service", item.get("name")) if isinstance(item, dict) else item for item in said)
    return [item for item in names if isinstance(item, str)]


def _mysql(raw: Mapping[str, Any], facts: ServiceFacts) -> bool:
    inputs = _mapping(raw, "inputs")
    if "mysql" in inputs:
        return bool(inputs["mysql"])
    said = _words(raw) or []
    return facts.mysql or any("mysql" in word.lower() for word in (*said, *_mapping(raw, "env"), *raw))


def _upstreams(raw: Mapping[str, Any], services: Collection[str]) -> Iterator[HttpUpstream]:
    said = _mapping(raw, "inputs").get("http", [])
    items = list(said.items()) if isinstance(said, dict) else [("", item) for item in _listed(said)]
    for label, item in items:
        fields = item if isinstance(item, dict) else {"url": item}
        url = _text(fields, "url", "base_url", "endpoint")
        service = _text(fields, "service", "name") or label
        if url and "://" in url:
            yield HttpUpstream(url, service if service in services else None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _text(raw: Mapping[str, Any], *keys: str) -> str | None:
    for place in (raw, _mapping(raw, "meta")):
        for key in keys:
            if isinstance(place.get(key), str) and place[key]:
                return str(place[key])
    return None


def _number(raw: Mapping[str, Any], *keys: str) -> float | None:
    for key in keys:
        value = raw.get(key)
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
            return float(value)
    return None
