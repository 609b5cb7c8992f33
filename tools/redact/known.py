"""Secrets whose value is known: found as they are, encoded, and split over line breaks."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from tools.redact.spans import Span

RULE = "known_secret"

_SHORTEST = 4
_SHORT = 6
_SHORTEST_ENCODED = 8
_PLAIN_BREAK = re.compile(r"(?<![ \t])[ \t]{0,64}(?:\r?\n|\\n)[ \t]{0,64}")
_QUOTED_BREAK = re.compile(
    r"(?<![ \t])[ \t]{0,64}(?:[\"'][ \t]{0,8}\\?|\\)?(?:\r?\n|\\n)[ \t]{0,64}(?:[|>+][ \t]{0,8})?[\"']?"
)
"""Line breaks inside a value, alone and with the marks that a language needs to go on with it."""


class KnownSecrets:
    """Finds any form of the given secrets; values shorter than 4 characters are ignored."""

    def __init__(self, secrets: Iterable[str]) -> None:
        values = {secret.strip() for secret in secrets}
        forms = {form for value in values if len(value) >= _SHORTEST for form in _forms(value)}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def find(self, text: str) -> Iterator[Span]:
        """Every occurrence, also of overlapping forms."""
        if not self._forms:
            return
        yield from self._find_in(text, None)
        for pattern in (_PLAIN_BREAK, _QUOTED_BREAK):
            breaks = _Breaks(text, pattern)
            if breaks.any:
                yield from self._find_in(breaks.joined, breaks)

    def _find_in(self, text: str, breaks: _Breaks | None) -> Iterator[Span]:
        for form in self._forms:
            at = text.find(form)
            while at >= 0:
                end = at + len(form)
                if len(form) >= _SHORT or _stands_alone(text, at, end):
                    yield breaks.original(at, end) if breaks else Span(at, end, RULE)
                at = text.find(form, end)


class _Breaks:
    """A text with its line breaks taken out, and the way back to the original positions."""

    def __init__(self, text: str, pattern: re.Pattern[str]) -> None:
        parts: list[str] = []
        self._joined_at: list[int] = [0]
        self._shift: list[int] = [0]
        last, length = 0, 0
        for found in pattern.finditer(text):
            parts.append(text[last : found.start()])
            length += found.start() - last
            last = found.end()
            self._joined_at.append(length)
            self._shift.append(last - length)
        parts.append(text[last:])
        self.joined = "".join(parts)
        self.any = len(parts) > 1

    def original(self, start: int, end: int) -> Span:
        """The span of the original text that [start, end) of the joined one came from."""
        return Span(self._back(start), self._back(end - 1) + 1, RULE)

    def _back(self, position: int) -> int:
        return position + self._shift[bisect_right(self._joined_at, position) - 1]


def _stands_alone(text: str, start: int, end: int) -> bool:
    before = text[start - 1 : start]
    after = text[end : end + 1]
    return not (before.isalnum() or before == "_") and not (after.isalnum() or after == "_")


def _forms(value: str) -> Iterator[str]:
    plain = _PLAIN_BREAK.sub("", value)
    data = value.encode("utf-8", "surrogatepass")
    yield from (value, plain, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    with contextlib.suppress(UnicodeEncodeError):
        yield from (quote(value, safe=""), quote(value), quote_plus(value))
    yield from (form for form in _encoded(data) if len(form) >= _SHORTEST_ENCODED)


def _encoded(data: bytes) -> Iterator[str]:
    """Base64 at its three alignments, without the characters that the neighbours share, and hex."""
    yield data.hex()
    for shift in range(3):
        raw = base64.b64encode(b"\0" * shift + data).decode()
        core = raw.rstrip("=")
        first = (0, 2, 3)[shift]
        last = len(core) - (1 if (len(data) + shift) % 3 else 0)
        yield core[first:last]
        yield core[first:last].replace("+", "-").replace("/", "_")
