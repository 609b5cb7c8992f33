"""Entries that a file of data held, more than it got new ones. Broken data is read all the same."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

SUFFIXES = (".json", ".toml", ".yaml", ".yml")

_TOKEN = re.compile(r'"((?:[^"\\\n]|\\.)*)"|(-?\d[\d.eE+-]*|\btrue\b|\bfalse\b)')


def loses_entries(path: str, before: str, after: str) -> bool:
    """Whether more is gone than has come; of the same number of others it cannot be told."""
    old, new = _entries(path, before, after)
    lost, gained = old - new, {entry for entry in new - old if _says_something(entry)}
    return len(lost) > len(gained)


def _entries(path: str, before: str, after: str) -> tuple[set[Any], set[Any]]:
    """What both sides hold, read in the same way."""
    if path.endswith((".yaml", ".yml")):
        return _lines(before), _lines(after)
    try:
        return set(_leaves(_parsed(path, before))), set(_leaves(_parsed(path, after)))
    except (ValueError, RecursionError):
        return _tokens(before), _tokens(after)


def _parsed(path: str, text: str) -> Any:
    return tomllib.loads(text) if path.endswith(".toml") else json.loads(text or "null")


def _leaves(node: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every value with the keys that lead to it; the place in a list does not count."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, (*keys, str(key)))
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, keys)
    elif node is not None:
        yield keys, str(node)


def _tokens(text: str) -> set[Any]:
    return {match[0] for match in _TOKEN.finditer(text)}


def _lines(text: str) -> set[Any]:
    stripped = (line.partition(" #")[0].strip() for line in text.splitlines())
    return {line for line in stripped if line and not line.startswith("#")}


def _says_something(entry: Any) -> bool:
    text = entry[1] if isinstance(entry, tuple) else entry
    return re.search(r"\w", text) is not None
