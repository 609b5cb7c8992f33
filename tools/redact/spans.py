"""Parts of a text that a rule found to be secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """The characters [start, end) are secret, says `rule`."""

    start: int
    end: int
    rule: str


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans in order, overlapping ones as one under the name of the first."""
    current: Span | None = None
    for span in sorted(spans):
        if current is None or span.start >= current.end:
            if current is not None:
                yield current
            current = span
        elif span.end > current.end:
            current = Span(current.start, span.end, current.rule)
    if current is not None:
        yield current
