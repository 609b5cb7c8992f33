"""What became of a run's branch since the run ended: pushed, merged, declined, taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.approval import Decision, decision_of
from agent.publish import publication_of
from agent.report.timeline import Moment, timeline
from agent.result import HealResult
from agent.store import Run
from agent.watch.closure import fate_of_branch

Fate = Literal["", "merged", "declined", "taken away unmerged"]


@dataclass(frozen=True, slots=True)
class Later:
    """`fate` is empty while the branch waits or where there is none; `moments` came after the end."""

    fate: Fate = ""
    decision: Decision | None = None
    moments: tuple[Moment, ...] = ()

    @property
    def reason(self) -> str:
        """Why it was declined."""
        return self.decision.reason if self.decision else ""


NOTHING = Later()


def later_of(run: Run, result: HealResult, clean: Callable[[str], str] = str) -> Later:
    """What happened since the end of a run, by its journal and by its branch; every text is cleaned."""
    decision = decision_of(run)
    if decision is not None:
        decision = decision.model_copy(update={"reason": clean(decision.reason)})
    moments = timeline(run.journal(), clean)
    ends = next((place for place, moment in enumerate(moments) if moment.topic == "end"), len(moments))
    return Later(_fate(run, result, decision), decision, moments[ends + 1 :])


def repository_of(run: Run) -> Path | None:
    """Where the branch of a run was made; None where it made none."""
    publication = publication_of(run)
    return publication.target if publication else None


def _fate(run: Run, result: HealResult, decision: Decision | None) -> Fate:
    repository = repository_of(run)
    if result.branch is None or repository is None or not repository.exists():
        return ""
    fate = fate_of_branch(repository, result.model_dump(include={"branch", "branch_commit"}))
    if fate == "gone":
        return "declined" if decision and decision.answer == "declined" else "taken away unmerged"
    return "merged" if fate == "merged" else ""
