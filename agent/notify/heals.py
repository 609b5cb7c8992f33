"""The pages of one heal: when its cause is known, and when it ends, however it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.events import Emit, Noted
from agent.notify.config import pager_for, problems
from agent.notify.outbox import Pager
from agent.notify.page import Page, Stage
from agent.result import HealResult, Outcome
from agent.settings import Settings
from agent.triage import Triage

Clean = Callable[[str], str]

STAGE_OF: dict[Outcome, Stage] = {
    "branch": "branch",
    "proven": "no_patch",
    "diagnosed": "no_patch",
    "unproven": "no_patch",
    "not_fixable": "not_code",
    "limit": "no_patch",
    "refused": "no_patch",
    "no_key": "no_patch",
    "failed": "failed",
}
"""An interrupted run has none: whoever stopped it knows."""


class HealPages:
    """Tells people about one run; does nothing where nobody is to be told.

    What keeps a page from being handed over is noted in the report, and never ends a heal.
    """

    def __init__(self, pager: Pager | None, emit: Emit, problems: Sequence[str] = ()) -> None:
        self._pager, self._emit, self._problems = pager, emit, problems
        self._cause = ""

    @classmethod
    def of(cls, settings: Settings, state: Path, emit: Emit) -> HealPages:
        """The pages that the settings ask for."""
        return cls(pager_for(settings, state), emit, problems(settings.notify))

    def diagnosing(self, incident: str, found: Triage, clean: Clean) -> None:
        """The rules have spoken: from now on the page belongs to its root cause."""
        for problem in self._problems:
            self._emit(Noted(problem))
        self._cause = cause_of(incident, found)
        self._hand_over("diagnosing", incident, found.service, clean(found.why))

    def ended(self, result: HealResult, clean: Clean) -> None:
        """The run is over."""
        stage = STAGE_OF.get(result.outcome)
        if stage is None:
            return
        diagnosis = result.diagnosis
        what = result.summary
        if diagnosis is not None and result.outcome != "failed":
            what = diagnosis.root_cause
        self._hand_over(
            stage,
            result.incident,
            result.service,
            clean(what),
            do=clean(_next_command(result)),
            proof=_proof(result),
            link=result.pull_request or result.branch or "",
            note=_note(result),
        )

    def _hand_over(self, stage: Stage, incident: str, service: str, what: str, **more: str) -> None:
        if self._pager is None:
            return
        page = Page(stage, time.time(), service, what, incident, self._cause, **more)
        try:
            self._pager.page(page)
        except OSError as error:
            self._emit(Noted(f"nobody could be paged: {error.strerror}"))


def cause_of(incident: str, found: Triage) -> str:
    """A name that is the same for every incident with this root cause."""
    needed = sorted(dependency.name for dependency in found.dependencies if dependency.explains)
    if found.verdict == "not_fixable" and needed:
        return f"needs {', '.join(needed)}"
    return f"fault {found.fingerprint or incident}"


def _next_command(result: HealResult) -> str:
    action = result.diagnosis.operator_action if result.diagnosis else None
    if result.outcome == "branch":
        return "" if result.pull_request else f"git merge {result.branch}"
    return action or f"autohealer show {result.incident}"


def _proof(result: HealResult) -> str:
    if not result.proof or result.outcome not in ("branch", "proven", "unproven"):
        return ""
    missing = [rung.name for rung in result.proof if rung.state != "shown"]
    told = f"{len(result.proof) - len(missing)} of {len(result.proof)} shown"
    return f"{told}, not {', '.join(missing)}" if missing else told


def _note(result: HealResult) -> str:
    seconds = f"{result.seconds:.0f} s"
    if not result.steps:
        return seconds
    return f"{seconds}, price unknown" if result.cost_usd is None else f"{seconds}, ${result.cost_usd:.2f}"
