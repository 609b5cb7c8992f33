"""What AutoHealer did over a time, and what it cost: counts, times and money over all incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from agent.past import Fate, Past


@dataclass(frozen=True, slots=True)
class Spread:
    """Times in seconds: how many, the middle one, and what nine of ten stay below."""

    count: int = 0
    median: float | None = None
    p90: float | None = None


@dataclass(slots=True)
class Share:
    """What went into one service or one model. Cost is US dollars; `unpriced` requests are not in it."""

    incidents: int = 0
    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One incident as the plots need it."""

    incident: str
    service: str
    at: datetime
    outcome: str
    fate: Fate
    to_diagnosis_s: float | None
    to_branch_s: float | None
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Stats:
    """All of it. `outcomes` and `categories` count incidents by how their last run ended.

    `branches` counts incidents with a branch, `merged` those whose change is in the target's
    checked-out commit, `declined` those whose branch was taken away unmerged, `unknown` those whose
    repository is not there to look. `recurred` counts incidents with a fault that an earlier one had,
    `after_merge` those of them that came after the earlier one's branch had been merged.
    """

    incidents: int
    runs: int
    outcomes: dict[str, int]
    categories: dict[str, int]
    branches: int
    merged: int
    open: int
    declined: int
    unknown: int
    recurred: int
    after_merge: int
    to_diagnosis: Spread
    to_branch: Spread
    total: Share
    by_service: dict[str, Share]
    by_model: dict[str, Share]
    entries: tuple[Entry, ...] = field(repr=False)

    def record(self) -> dict[str, Any]:
        """All of it as JSON-ready data; times as ISO 8601."""
        told = asdict(self)
        told["entries"] = [{**entry, "at": entry["at"].isoformat()} for entry in told["entries"]]
        return told


def stats_of(pasts: Sequence[Past], repo: Path | None) -> Stats:
    """Count over incidents; `repo` is where branches are looked for, else where each incident says."""
    oldest_first = sorted(pasts, key=lambda past: past.at)
    fates = {past.incident.id: past.fate(repo) for past in oldest_first}
    count = Counter(fates.values())
    recurred, after_merge = _recurred(oldest_first, fates)
    return Stats(
        incidents=len(oldest_first),
        runs=sum(past.runs for past in oldest_first),
        outcomes=_counted(past.outcome for past in oldest_first),
        categories=_counted(past.category for past in oldest_first),
        branches=len(oldest_first) - count["none"],
        merged=count["merged"],
        open=count["open"],
        declined=count["gone"],
        unknown=count["unknown"],
        recurred=recurred,
        after_merge=after_merge,
        to_diagnosis=spread(past.to_diagnosis_s for past in oldest_first),
        to_branch=spread(past.to_branch_s for past in oldest_first),
        total=next(iter(_shares(oldest_first, "all").values()), Share()),
        by_service=_shares(oldest_first, "service"),
        by_model=_shares(oldest_first, "model"),
        entries=tuple(_entry(past, fates[past.incident.id]) for past in oldest_first),
    )


def spread(times: Iterable[float | None]) -> Spread:
    """The spread of the times that are known."""
    known = sorted(time for time in times if time is not None)
    if not known:
        return Spread()
    p90 = quantiles(known, n=10, method="inclusive")[-1] if len(known) > 1 else known[0]
    return Spread(len(known), round(median(known), 3), round(p90, 3))


def _counted(names: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(name for name in names if name is not None).most_common())


def _recurred(oldest_first: Iterable[Past], fates: dict[str, Fate]) -> tuple[int, int]:
    """How many incidents had a fault that was seen before, and how many of them after its merge."""
    seen: dict[str, bool] = {}
    recurred = after_merge = 0
    for past in oldest_first:
        fault = past.fault()
        if fault is None:
            continue
        if fault in seen:
            recurred += 1
            after_merge += seen[fault]
        seen[fault] = seen.get(fault, False) or fates[past.incident.id] == "merged"
    return recurred, after_merge


def _shares(pasts: Iterable[Past], by: str) -> dict[str, Share]:
    """Requests and incidents by service, by model, or all in one; the dearest first."""
    shares: dict[str, Share] = {}
    for past in pasts:
        concerned = set() if by == "model" else {past.incident.service if by == "service" else by}
        for request in past.requests:
            name = request.model if by == "model" else past.incident.service if by == "service" else by
            concerned.add(name)
            share = shares.setdefault(name, Share())
            share.requests += 1
            share.input_tokens += request.input_tokens
            share.cached_tokens += request.cached_tokens
            share.output_tokens += request.output_tokens
            share.cost_usd += request.cost_usd or 0.0
            share.unpriced += request.cost_usd is None
        for name in concerned:
            shares.setdefault(name, Share()).incidents += 1
    return dict(sorted(shares.items(), key=lambda one: (-one[1].cost_usd, -one[1].incidents, one[0])))


def _entry(past: Past, fate: Fate) -> Entry:
    return Entry(
        past.incident.id,
        past.incident.service,
        past.at,
        past.outcome,
        fate,
        past.to_diagnosis_s,
        past.to_branch_s,
        past.cost_usd,
    )
