"""What became of each incident, read back from the store: the ground of `incidents`, `stats` and `prune`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agent.approval import Decision, decision_of
from agent.store import Run, Store
from agent.watch.closure import fate_of_branch
from agent.watch.tickets import Ticket, read_tickets
from tools.incident import Incident, IncidentError, IncidentFolder
from tools.logs import LogError, fingerprint, last_crash

Fate = Literal["none", "open", "merged", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Request:
    """One answered model request. Cost is US dollars, None where no price was known."""

    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Past:
    """One incident and its runs.

    `at` is when it was detected, else when its first run began or its folder was written.
    `results` are those of the finished runs, oldest first. The times are seconds from the start
    of a run to its first diagnosis and to its branch, None where there was none.
    """

    incident: Incident
    folder: IncidentFolder
    at: datetime
    runs: int
    results: tuple[Mapping[str, Any], ...]
    requests: tuple[Request, ...]
    to_diagnosis_s: float | None
    to_branch_s: float | None
    ticket: Ticket | None

    @property
    def last(self) -> Mapping[str, Any]:
        """The result of the last finished run, empty where there is none."""
        return self.results[-1] if self.results else {}

    @property
    def outcome(self) -> str:
        """How its last run ended; "captured" before the first one, "interrupted" where none ended."""
        if self.results:
            return str(self.last.get("outcome"))
        return "interrupted" if self.runs else "captured"

    @property
    def category(self) -> str | None:
        """What kind of fault the last diagnosis says it was."""
        diagnosis = self.last.get("diagnosis")
        return str(diagnosis.get("category")) if isinstance(diagnosis, Mapping) else None

    @property
    def branch(self) -> str | None:
        """The branch that was made last, by any of its runs."""
        branched = self.branched
        return str(branched["branch"]) if branched else None

    @property
    def branched(self) -> Mapping[str, Any] | None:
        """The last result with a branch."""
        return next((result for result in reversed(self.results) if result.get("branch")), None)

    @property
    def declined(self) -> Decision | None:
        """A person's no to the branch that was made last; None where it was not taken back."""
        branched = self.branched
        number = int(branched.get("run") or 0) if branched else 0
        decision = decision_of(Run(self.folder.path / "runs" / str(number), number))
        return decision if decision and decision.answer == "declined" else None

    @property
    def cost_usd(self) -> float:
        """What all its requests cost, as far as their prices were known."""
        return sum(request.cost_usd or 0.0 for request in self.requests)

    def fate(self, repo: Path | None) -> Fate:
        """What became of its branch in the repository, by default the one that the incident names."""
        branched = self.branched
        if branched is None:
            return "none"
        target = repo or (Path(self.incident.repo) if self.incident.repo else None)
        if target is None or not target.exists():
            return "unknown"
        return fate_of_branch(target, branched)

    def fault(self) -> str | None:
        """The fingerprint of its crash, the same for the same fault; None where its log shows no error."""
        try:
            crash = last_crash(self.folder.log)
        except LogError:
            return None
        return fingerprint(self.incident.service, crash) if crash and crash.final else None


def pasts(store: Store) -> list[Past]:
    """Every incident of the store, newest first; folders that are none any more are left out."""
    tickets = {ticket.incident: ticket for ticket in read_tickets(store.root / "incidents")}
    folders = store.incidents()
    found = [past for f in folders if (past := past_of(store, f, tickets.get(f.path.name)))]
    return sorted(found, key=lambda past: past.at, reverse=True)


def past_of(store: Store, folder: IncidentFolder, ticket: Ticket | None = None) -> Past | None:
    """One incident, with what the watch decided about it; None for a folder that is none any more."""
    try:
        incident = folder.incident()
        written = (folder.path / "incident.json").stat().st_mtime
    except (IncidentError, OSError):
        return None
    runs = store.runs(folder)
    journals = [run.journal() for run in runs]
    started = next((at for journal in journals for at in _moments(journal, "Started")), None)
    at = incident.detected_at or started or datetime.fromtimestamp(written, UTC)
    return Past(
        incident=incident,
        folder=folder,
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        runs=len(runs),
        results=tuple(_results(runs)),
        requests=tuple(request for journal in journals for request in _requests(journal)),
        to_diagnosis_s=_first(journals, "Diagnosed"),
        to_branch_s=_first(journals, "BranchMade"),
        ticket=ticket,
    )


def _results(runs: list[Run]) -> Iterator[Mapping[str, Any]]:
    for run in runs:
        result = run.result()
        if result is not None:
            yield result


def _requests(journal: list[dict[str, Any]]) -> Iterator[Request]:
    for record in journal:
        if record.get("event") == "Asked":
            cost = record.get("cost_usd")
            yield Request(
                str(record.get("served")),
                int(record.get("input_tokens") or 0),
                int(record.get("cached_tokens") or 0),
                int(record.get("output_tokens") or 0),
                float(cost) if isinstance(cost, int | float) else None,
            )


def _first(journals: list[list[dict[str, Any]]], kind: str) -> float | None:
    """Seconds from the start of the first run that has such an event to that event."""
    for journal in journals:
        begun, reached = next(_moments(journal, "Started"), None), next(_moments(journal, kind), None)
        if begun and reached:
            return (reached - begun).total_seconds()
    return None


def _moments(journal: list[dict[str, Any]], kind: str) -> Iterator[datetime]:
    for record in journal:
        if record.get("event") == kind:
            try:
                yield datetime.fromisoformat(str(record.get("at")))
            except ValueError:
                continue
