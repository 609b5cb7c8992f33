"""What the culprit was called with, as a digest, and names of types: none of the service's code is run.

So it can be told whether a patch was tried on the very data that crashed the base.
"""

# It shares the process with the service, so it imports next to nothing.

from __future__ import annotations

NAMELESS = "?"
"""Stands for the type of an exception that has no name, or one that no note could hold."""
MOST_DEPTH, MOST_ITEMS, MOST_NODES = 4, 300, 300
MOST_TEXT = 20_000
"""Of a text, in characters or bytes: hashing that costs nothing."""
_NAME = type.__dict__["__name__"].__get__
_DICT = type.__dict__["__dict__"].__get__


def type_name(kind: type) -> str:
    """The name of an exception's type, without asking its own code for it."""
    name = str.__str__(_NAME(kind))
    return name if name.isidentifier() and len(name) <= 200 else NAMELESS


def _number(value) -> str:  # type: ignore[no-untyped-def]
    """A number as it is; of one with more digits than anybody writes its length and its end."""
    if type(value) is float:
        return repr(value)
    return f"{value.bit_length()} {value & ((1 << 4096) - 1):x} {value < 0}"


def _hashed(text) -> str:  # type: ignore[no-untyped-def]
    """A digest of a whole text, up to a length that costs nothing."""
    data = text[:MOST_TEXT]
    data = data if type(data) is bytes else data.encode("utf-8", "surrogatepass")
    digest: str = blake2()(data, digest_size=8).hexdigest()  # type: ignore[no-untyped-call]
    return digest


def _plain(value, depth: int, room: list[int]) -> str | None:  # type: ignore[no-untyped-def]
    """Plain data in one text, None for what is none; nothing of the service's own code is run for it.

    A number that may be a time is not told: it is another one at each start.
    """
    kind, room[0] = type(value), room[0] - 1
    if room[0] < 0 or depth < 0:
        return None
    if value is None or kind is bool:
        return str(value)
    if kind in (int, float):
        return (
            "a time" if 1e9 < value < 1e11 or 1e12 < value < 1e14 else f"{type_name(kind)} {_number(value)}"
        )
    if kind in (str, bytes):
        return f"{len(value)}{value!a}" if len(value) <= 200 else f"{len(value)} {_hashed(value)}"
    if kind in (list, tuple):
        parts = [_plain(each, depth - 1, room) for each in value[:MOST_ITEMS]]
    else:
        if kind is not dict:
            fields = _DICT(kind).get("__module__")
            if type(fields) is not str or not (fields == "__main__" or fields.startswith("services.")):
                return None
            try:
                value = object.__getattribute__(value, "__dict__")
            except AttributeError:
                return None
            if type(value) is not dict:
                return None
        pairs = list(value.items())[:MOST_ITEMS]
        parts = [_plain(each, depth - 1, room) for pair in pairs for each in pair]
    return None if None in parts else f"{type_name(kind)}({','.join(map(str, parts))})"


def arguments_of(frame) -> str:  # type: ignore[no-untyped-def]
    """A digest of what a function was called with; empty where no plain data is among it.

    And where a coroutine is: that nobody waited for it is no matter of data.
    """
    code, given, room = frame.f_code, frame.f_locals, [MOST_NODES]
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    values = [given.get(name) for name in code.co_varnames[:count]]
    texts = [_plain(value, MOST_DEPTH, room) for value in values]
    if not any(texts) or "coroutine" in [type_name(type(value)) for value in values]:
        return ""
    told = [text or type_name(type(value)) for text, value in zip(texts, values, strict=True)]
    blake2b = blake2()  # type: ignore[no-untyped-call]
    digest: str = blake2b("\n".join(told).encode(), digest_size=4).hexdigest()
    return digest


def blake2():  # type: ignore[no-untyped-def]
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b
