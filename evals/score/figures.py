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

    @property
    def short(self) -> str:
        """As a narrow table has it: 3/4 (30-95 %); nothing of nothing."""
        low, high = self.interval
        return f"{self.hits}/{self.of} ({100 * low:.0f}-{100 * high:.0f} %)" if self.of else ""

    def __str__(self) -> str:
        if self.share is None:
            return "none"
        low, high = self.interval
        return f"{self.hits}/{self.of} = {self.share:.0%} ({low:.0%} to {high:.0%})"


def rate(holds: Iterable[bool]) -> Rate:
    """How many of these are true."""
    values = list(holds)
    return Rate(sum(values), len(values))


@dataclass(frozen=True, slots=True)
class Quantile:
    """The value that a share of `of` values do not exceed, and its 95 % confidence interval."""

    value: float
    low: float
    high: float
    of: int

    def told(self, digits: int = 1) -> str:
        """As a table has it."""
        if not self.of:
            return "none"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def quantile_of(values: Sequence[float], share: float) -> Quantile:
    """A quantile whose interval is that of the order statistics, with no word on how values are spread.

    Few values leave a wide one: at most from the least to the largest.
    """
    if not values:
        return Quantile(0.0, 0.0, 0.0, 0)
    ordered, size = sorted(values), len(values)
    below, total = [], 0.0
    for count in range(size):
        total += math.comb(size, count) * share**count * (1 - share) ** (size - count)
        below.append(total)
    low = sum(chance <= 0.025 for chance in below)
    high = sum(chance < 0.975 for chance in below)
    return Quantile(quantile(values, share), ordered[max(0, low - 1)], ordered[min(size - 1, high)], size)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed, by nearest rank; 0 of nothing."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
