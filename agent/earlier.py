"""What was tried on the same fault before, for a model that should not try it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.approval import decision_of
from agent.store import Run, Store
from agent.triage import Triage
from tools.incident import IncidentFolder

SHOWN = 3
DIFF_CHARACTERS = 1_500
TOLD = {
    "unproven": "was not proven",
    "branch": "was proven and put on {branch}, and the fault is back all the same",
}


def earlier_attempts(store: Store, found: Triage) -> list[str]:
    """The newest patches for this service and fingerprint, each with what came of it; newest first."""
    if found.fingerprint is None:
        return []
    attempts = []
    for run, result in _runs(store, found.service):
        if result.get("fingerprint") == found.fingerprint and result.get("outcome") in TOLD:
            attempts.append(_told(run, result))
        if len(attempts) == SHOWN:
            break
    return attempts


def declined_before(store: Store, folder: IncidentFolder) -> list[str]:
    """What people said no to on this incident, oldest first: when, what and why."""
    told = []
    for run in store.runs(folder):
        decision, result = decision_of(run), run.result() or {}
        if decision is not None and decision.answer == "declined":
            which = f"{result.get('branch')} of run {run.number}"
            told.append(f"a person declined {which} on {decision.at:%Y-%m-%d}: {decision.reason}")
    return told


def _runs(store: Store, service: str) -> Iterator[tuple[Run, dict[str, Any]]]:
    for folder in store.incidents():
        for run in reversed(store.runs(folder)):
            result = run.result()
            if result is not None and result.get("service") == service:
                yield run, result


def _told(run: Run, result: dict[str, Any]) -> str:
    decision = decision_of(run)
    if decision is not None and decision.answer == "declined":
        came = f"was proven, and a person declined it: {decision.reason}"
    else:
        came = TOLD[result["outcome"]].format(branch=result.get("branch"))
    file = run.path / "patch.diff"
    diff = file.read_text(encoding="utf-8")[:DIFF_CHARACTERS] if file.exists() else ""
    which = f"incident {result['incident']}, run {result['run']}"
    return f"- {which}: this patch {came}: {result['summary']}\n{diff}"
