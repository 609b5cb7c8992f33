"""Truth as a whole: where it is read from, its buses, its components and what links them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

from tools.truth.component import Component, read_component
from tools.truth.reference import BUSES, MYSQL_ADDRESS, SERVICES, Use
from tools.truth.secrets import is_unresolved, secrets_in

ROOT_FILE = "truth/mm_node.json"
COMPONENTS = "truth/components/"
LARGEST_FILE = 4 << 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What a service or a bus may be called."""


class TruthError(Exception):
    """Truth that cannot be read at all; the message says what was found instead."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Truth as one document, in the shape that is published: a root with `components` by name.

    Made by `from_document`, `from_files` and `from_folder`. `components` are those that Truth
    names itself; `bus_urls` are as they are written there, templates included.
    """

    document: Mapping[str, Any]
    components: Mapping[str, Component]
    bus_urls: Mapping[str, str]

    @property
    def services(self) -> tuple[str, ...]:
        """Every service there is: Truth's components, or the documentation's table without them."""
        return tuple(self.components) or tuple(SERVICES)

    def component(self, service: str) -> Component:
        """What is known of one service, also of one that Truth does not name."""
        return self.components.get(service) or read_component(service, {}, self.services, self.bus_urls)

    def has(self, service: str) -> bool:
        """Does Truth itself name this service?"""
        return service in self.components

    def buses(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """URL by bus name, of every Redis that Truth names; else the documented three.

        Args:
            env: variables that fill `${NAME}`; a template that stays unfilled drops its bus.
        """
        filled = {name: _filled(url, env or {}) for name, url in self.bus_urls.items()}
        return {name: url for name, url in filled.items() if url is not None}

    def mysql_address(self) -> tuple[str, int]:
        """Host and port of the MySQL server: as `shared_resources` says, else as documented."""
        shared = self.document.get("shared_resources")
        said = shared.get("mysql") if isinstance(shared, dict) else None
        if not isinstance(said, dict) or not isinstance(said.get("port", 3306), int):
            return MYSQL_ADDRESS
        return str(said.get("host", MYSQL_ADDRESS[0])), said.get("port", MYSQL_ADDRESS[1])

    def secrets(self) -> dict[str, str]:
        """Every secret in Truth: value by dotted path, `components.massive.env.API_KEY`."""
        return dict(secrets_in(self.document))

    def dependencies(self, service: str) -> tuple[str, ...]:
        """Services that this one needs: declared, called by HTTP, or the writers of what it reads."""
        component = self.component(service)
        called = (upstream.service for upstream in component.http if upstream.service)
        writers = (writer for use in component.reads for writer in self.writers(use))
        found = dict.fromkeys((*component.dependencies, *called, *writers))
        return tuple(name for name in found if name != service)

    def writers(self, use: Use) -> tuple[str, ...]:
        """Services that write what a `Use` names; wildcards on either side count."""
        return tuple(
            service
            for service in self.services
            if any(_same(out, use) for out in self.component(service).writes)
        )


def from_document(raw: bytes | str | Mapping[str, Any]) -> Truth:
    """Truth as it is published under the key `truth`.

    Raises:
        TruthError: not JSON, or not an object.
    """
    document = raw if isinstance(raw, Mapping) else _json(raw, "the key 'truth'")
    said = document.get("components")
    named = said if isinstance(said, dict) else {}
    parts = {name: part for name, part in named.items() if _is_name(name) and isinstance(part, dict)}
    urls = dict(_bus_urls(document.get("buses", document.get("redis")))) or dict(BUSES)
    components = {name: read_component(name, part, parts, urls) for name, part in parts.items()}
    return Truth(document, components, urls)


def from_files(paths: Iterable[str], read: Callable[[str], bytes]) -> Truth:
    """Truth out of the files of a tree or a commit, merged as the publisher merges them.

    Args:
        paths: paths of the tree, relative to its root; those outside `truth/` are ignored.
        read: the bytes of one of them.

    Raises:
        TruthError: a file is not a JSON object; the message names it.
    """
    listed = set(paths)
    root = dict(_json(read(ROOT_FILE), ROOT_FILE)) if ROOT_FILE in listed else {}
    said = root.get("components")
    components = dict(said) if isinstance(said, dict) else {}
    for path in sorted(p for p in listed if p.startswith(COMPONENTS) and p.endswith(".json")):
        components[Path(path).stem] = _json(read(path), path)
    return from_document({**root, "components": components})


def from_folder(root: Path) -> Truth:
    """Truth out of a checkout. A checkout without any gives `NO_TRUTH`'s answers.

    Raises:
        TruthError: a file is unreadable or not a JSON object.
    """
    files = (ROOT_FILE, *(f"{COMPONENTS}{p.name}" for p in sorted((root / COMPONENTS).glob("*.json"))))
    return from_files([path for path in files if (root / path).is_file()], lambda path: _load(root / path))


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise TruthError(f"{path}: {error.strerror}") from error


def _json(raw: bytes | str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise TruthError(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise TruthError(f"{where} must hold a JSON object, not {type(value).__name__}")
    return value


def _bus_urls(said: Any) -> list[tuple[str, str]]:
    if isinstance(said, list):
        entries = [(item.get("name"), item) for item in said if isinstance(item, dict)]
    else:
        entries = list(said.items()) if isinstance(said, dict) else []
    return [(name, url) for name, entry in entries if _is_name(name) and (url := _url(entry))]


def _is_name(name: object) -> TypeGuard[str]:
    """Names become parts of paths: nothing else than a plain name is one."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _url(entry: Any) -> str | None:
    if isinstance(entry, str):
        return entry if "://" in entry or is_unresolved(entry) else None
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("url"), str):
        return str(entry["url"])
    return f"redis://{entry.get('host', '127.0.0.1')}:{entry['port']}" if "port" in entry else None


def _filled(url: str, env: Mapping[str, str]) -> str | None:
    filled = re.sub(r"\$\{([^}]*)\}", lambda match: env.get(match[1], match[0]), url)
    return None if "${" in filled or "://" not in filled else filled


def _same(one: Use, other: Use) -> bool:
    return one.bus == other.bus and overlaps(one.name, other.name)


NO_TRUTH = from_document({})
"""Nothing known but the documentation's table."""


@lru_cache(maxsize=4096)
def name_pattern(name: str) -> re.Pattern[str]:
    """A name with `{symbol}` or `*` in it, as an expression for whole keys."""
    parts = re.split(r"\{[^{}]*\}|\*+", name)
    return re.compile(".+".join(re.escape(part) for part in parts))


def overlaps(one: str, other: str) -> bool:
    """Can two names, either with wildcards, mean the same key?"""
    return bool(name_pattern(one).fullmatch(other) or name_pattern(other).fullmatch(one))
