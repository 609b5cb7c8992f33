"""The MySQL that a service finds in a box: where Truth says that it is, on this machine, and empty."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.boot import MySql
from tools.truth import Truth

LOCAL = "127.0.0.1"
_NAME = re.compile(r"\w{1,64}", re.ASCII)
_HOST = re.compile(r"(?:MYSQL|MARIADB|DB|DATABASE)_?(?:HOST|HOSTNAME|SERVER)", re.IGNORECASE)
_PORT = re.compile(r"(?:MYSQL|MARIADB)_?PORT", re.IGNORECASE)
_DATABASE = re.compile(r"(?:(?:MYSQL|MARIADB|DB)_?(?:DATABASE|DB|NAME|SCHEMA))|DATABASE", re.IGNORECASE)
_URL = re.compile(r"((?:mysql|mariadb)(?:\+\w+)?://(?:[^/@\s]*@)?)([^/:\s]+)((?::\d+)?)(/\w*)?")


def mysql_for(truth: Truth, service: str) -> MySql | None:
    """The server that `service` needs, None where it uses none."""
    component = truth.component(service)
    if not component.mysql:
        return None
    said = list(_settings(component.raw))
    ports = [int(value) for key, value in said if _PORT.fullmatch(key) and value.isdigit()]
    ports += [found for _, value in said if (found := _port_of(value)) is not None]
    named = [value for key, value in said if _DATABASE.fullmatch(key)]
    named += [found[4][1:] for _, value in said for found in _URL.finditer(value) if found[4]]
    shared = truth.document.get("shared_resources")
    named += [value for key, value in _settings(_mapping(_mapping(shared).get("mysql"))) if key == "database"]
    databases = tuple(dict.fromkeys(name for name in named if _NAME.fullmatch(name)))
    usable = [port for port in ports if 1024 <= port < 65536]
    return MySql(next(iter(usable), truth.mysql_address()[1]), databases)


def inside(node: Any) -> Any:
    """A Truth document in which every MySQL server is the box's."""
    if isinstance(node, Mapping):
        return {key: _boxed(str(key), value) for key, value in node.items()}
    if isinstance(node, list):
        return [inside(value) for value in node]
    if isinstance(node, str) and "://" in node:
        return _URL.sub(lambda found: f"{found[1]}{LOCAL}{found[3]}{found[4] or ''}", node)
    return node


def _boxed(key: str, value: Any) -> Any:
    if isinstance(value, str) and _HOST.fullmatch(key):
        return LOCAL
    if key == "mysql" and "host" in _mapping(value):
        return {**inside(value), "host": LOCAL}
    return inside(value)


def _settings(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every setting of a component with a plain value, from its `env` or from anywhere in it."""
    for key, value in raw.items():
        if isinstance(value, Mapping):
            yield from _settings(value)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield str(key), str(value)


def _port_of(value: str) -> int | None:
    found = _URL.search(value)
    try:
        return urlsplit(found.group()).port if found else None
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
