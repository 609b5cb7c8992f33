"""The shape of what is served: the fields of the JSON values of keys and channels, not what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.inside.resp import Client, Reply, RespError

DEEPEST = 4
WIDEST = 60
FIELDS_KEPT = 4_000
LARGEST_VALUE = 256 * 1024


def fields(name: str, text: str) -> Iterator[str]:
    """Every field of a JSON text as `name path`; nothing for a text that is no JSON object or list."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    for path in _paths(value, DEEPEST):
        yield f"{name} {path}"


def fields_of_key(client: Client, bus: str, key: str) -> Iterator[str]:
    """The same of what a key holds now; a hash has its fields, and those of their values."""
    try:
        kind = client.call("TYPE", key)
        if kind == "string":
            value = client.call("GETRANGE", key, 0, LARGEST_VALUE)
            yield from fields(f"{bus}:{key}", _text(value))
        elif kind == "hash":
            held = client.call("HGETALL", key)
            pairs = [_text(each) for each in held] if isinstance(held, list) else []
            for field, value in zip(pairs[::2], pairs[1::2], strict=True):
                yield f"{bus}:{key} {field}"
                yield from fields(f"{bus}:{key} {field}", value)
    except RespError:
        return


def _paths(value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, dict):
        for key, inner in list(value.items())[:WIDEST]:
            yield key
            yield from (f"{key}.{path}" for path in _paths(inner, depth - 1))
    elif isinstance(value, list):
        for inner in value[:WIDEST]:
            yield from (f"[].{path}" for path in _paths(inner, depth - 1))


def _text(reply: Reply) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
