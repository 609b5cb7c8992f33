"""Plots as numbers for inline SVG: everything in per cent of the drawing, so that it fits any width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.stats import Entry

TONES = {
    "branch": "ok", "proven": "ok",
    "not_fixable": "open", "diagnosed": "open",
    "failed": "bad", "refused": "bad", "no_key": "bad", "limit": "bad",
}  # fmt: skip
"""The colour of each verdict; the rest, such as "captured" and "unproven", is plain."""

ORDER = ("ok", "open", "plain", "bad")
MOST_COLUMNS = 60
GAP = 0.2
"""The part of a column that is left free."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar: its name, its length in per cent, its value in words."""

    name: str
    length: float
    told: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in per cent from the top left, with what it shows."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, in per cent from the top left, with what it shows."""

    x: float
    y: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Shapes with what is written at the axes."""

    shapes: tuple[Box | Dot, ...]
    top: str
    first: str
    last: str


def bars(values: Mapping[str, float], told: Mapping[str, str], tones: Mapping[str, str]) -> tuple[Bar, ...]:
    """Bars in the given order, the longest of them as long as there is room."""
    most = max(values.values(), default=0.0) or 1.0
    return tuple(
        Bar(name, 100.0 * value / most, told[name], tones.get(name, "plain"))
        for name, value in values.items()
    )


def over_time(entries: Sequence[Entry]) -> Plot | None:
    """Incidents by day, or by a longer step where that were too many columns; stacked by verdict."""
    if not entries:
        return None
    first, last = _day(entries[0].at), _day(entries[-1].at)
    step = 1 + (last - first).days // MOST_COLUMNS
    columns: dict[int, Counter[str]] = {}
    for entry in entries:
        column = (_day(entry.at) - first).days // step
        columns.setdefault(column, Counter())[TONES.get(entry.outcome, "plain")] += 1
    width = 100.0 / (1 + max(columns))
    most = max(count.total() for count in columns.values())
    boxes = [
        box
        for column, count in columns.items()
        for box in _stacked(column, width, count, most, first + timedelta(days=column * step))
    ]
    unit = "a day" if step == 1 else f"in {step} days"
    return Plot(tuple(boxes), f"{most} {unit}", f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")


def _stacked(column: int, width: float, count: Counter[str], most: int, day: datetime) -> list[Box]:
    boxes, below = [], 0
    for tone in ORDER:
        if count[tone]:
            height = 100.0 * count[tone] / most
            y = 100.0 * (1 - below / most) - height
            title = f"{day:%Y-%m-%d}: {count[tone]} of {count.total()}"
            boxes.append(Box((column + GAP / 2) * width, y, (1 - GAP) * width, height, tone, title))
            below += count[tone]
    return boxes


def times(entries: Sequence[Entry]) -> Plot | None:
    """Seconds to the first diagnosis and to the branch of each incident, over time."""
    timed = [entry for entry in entries if entry.to_diagnosis_s is not None]
    if not timed:
        return None
    begin, end = timed[0].at, timed[-1].at
    span = (end - begin).total_seconds() or 1.0
    most = max(max(entry.to_diagnosis_s or 0, entry.to_branch_s or 0) for entry in timed) or 1.0
    dots = []
    for entry in timed:
        x = 3 + 94 * (entry.at - begin).total_seconds() / span if len(timed) > 1 else 50.0
        for seconds, tone, what in (
            (entry.to_diagnosis_s, "plain", "diagnosis"),
            (entry.to_branch_s, "ok", "branch"),
        ):
            if seconds is not None:
                title = f"{entry.incident}: {what} after {seconds:.1f} s"
                dots.append(Dot(x, 95 - 90 * seconds / most, tone, title))
    return Plot(tuple(dots), f"{most:.1f} s", f"{begin:%Y-%m-%d}", f"{end:%Y-%m-%d}")


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
