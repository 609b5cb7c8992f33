"""Events as JSON, by nothing that code under test can put something else in the place of.

What `json` looks up when it is called may be another thing by then: it is one module for all in a process.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as _quoted
from typing import Any


def encode(value: Any) -> str:
    """A value of texts, numbers, lists and dictionaries as JSON; anything else as its text."""
    kind: Any = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return kind.__repr__(value)
    if kind is dict:
        parts = [f"{_quoted(str(key))}:{encode(inner)}" for key, inner in value.items()]
        return "{" + ",".join(parts) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([encode(inner) for inner in value]) + "]"
    return _quoted(str(value) if kind is not str else value)
