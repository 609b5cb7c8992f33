"""One measured row, and how things are timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure against its target: `figure` and `target` in the same unit, lower is better."""

    what: str
    figure: float
    target: float
    unit: str
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.figure <= self.target


def median_s(work: Callable[[], object], rounds: int = 5) -> float:
    """Median wall-clock seconds of several rounds; the first, which fills caches, is not counted."""
    work()
    return statistics.median(seconds(work) for _ in range(rounds))


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one round."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
