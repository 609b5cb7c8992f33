"""Shares with their confidence intervals, and quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Z = 1.959964
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many. Without any there is no share."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """0 to 1, or None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % confidence interval of the share; all of it where nothing is known."""
        if not self.of:
            return 0.0, 1.0
        share, size, square = self.hits / self.of, self.of, Z * Z
        middle = (share + square / (2 * size)) / (1 + square / size)
        spread = Z / (1 + square / size) * math.sqrt(share * (1 - share) / size + square / (4 * size * size))
        return max(0.0, middle - spread), min(1.0, middle + spread)

    def __str__(self) -> str:
        if self.share is None:
            return "none"
        low, high = self.interval
        return f"{self.hits}/{self.of} = {self.share:.0%} ({low:.0%} to {high:.0%})"


def rate(holds: Iterable[bool]) -> Rate:
    """How many of these are true."""
    values = list(holds)
    return Rate(sum(values), len(values))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed, by nearest rank; 0 of nothing."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
