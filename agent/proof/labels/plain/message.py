"""What the message of a crash says, as far as it tells what a repair of it may touch."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMED = re.compile(r"(?:attribute|argument|name|variable|named|field|key):? '([\w.-]+)'")
_KEY = re.compile(r"'([^']+)'")
_REFUSED = re.compile(r"\w\(\) (?:got|missing|takes)\b")
_DIVIDED = re.compile(r"division|modulo", re.IGNORECASE)
_EMPTY = re.compile(r"out of range|empty|at least one|not enough values", re.IGNORECASE)
_CONVERSIONS = (
    (re.compile(r"NoneType"), ""),
    (re.compile(r"JSON serializable"), "str list dict float"),
    (re.compile(r"'dict_\w+'|'set'|not subscriptable|not reversible"), "list"),
    (re.compile(r"'str'|\bstr\b|could not convert"), "float str"),
)
"""What a message is about, and what makes the right kind of value; the first that is said counts."""


@dataclass(frozen=True, slots=True)
class Message:
    """`words` are those it speaks of, `key` is all that a KeyError says, empty for another.

    `refused` is a call that a function did not take, `divided` a division by 0, `empty` a list of nothing.
    """

    words: frozenset[str]
    key: str
    conversions: frozenset[str]
    refused: bool
    divided: bool
    empty: bool

    @classmethod
    def of(cls, said: str) -> Message:
        """Of the message as Python words it."""
        key = _KEY.fullmatch(said)
        words = {*_NAMED.findall(said), *([key[1]] if key else [])}
        words |= {word.rpartition(".")[2] for word in words}
        kinds = next((kinds for pattern, kinds in _CONVERSIONS if pattern.search(said)), "")
        return cls(
            frozenset(words),
            key[1] if key else "",
            frozenset(kinds.split()),
            _REFUSED.search(said) is not None,
            _DIVIDED.search(said) is not None,
            _EMPTY.search(said) is not None,
        )
