"""A run without a result in words: what lies in its folder so far, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from agent.diagnosis import Diagnosis
from agent.publish.publication import branch_of, publication_of
from agent.store import Run


@dataclass(frozen=True, slots=True)
class SoFar:
    """What a killed run left: its diagnosis, the path of its patch, the branch that it made already."""

    diagnosis: str | None
    patch: str | None
    branch: str | None

    @classmethod
    def of(cls, run: Run, clean: Callable[[str], str]) -> SoFar:
        """Read from the run's folder; the diagnosis is cleaned."""
        diagnosis = _diagnosis(run.path / "diagnosis.json")
        told = clean(f"{diagnosis.category}: {diagnosis.root_cause}") if diagnosis else None
        patch, publication = run.path / "patch.diff", publication_of(run)
        made = publication.branch if publication and branch_of(publication) else None
        return cls(told, str(patch) if patch.is_file() else None, made)


def told_unfinished(run: Run, incident: str, so_far: SoFar, *, busy: bool) -> str:
    """Markdown-free lines about a run that has no report."""
    if busy:
        lines = [f"run {run.number} has no result yet: its service is being healed right now"]
    else:
        lines = [f"run {run.number} was interrupted; go on with `autohealer heal {incident}`"]
    found = (("diagnosis", so_far.diagnosis), ("patch", so_far.patch), ("branch", so_far.branch))
    lines += [f"{name} so far: {text}" for name, text in found if text]
    return "\n".join(lines) + "\n"


def other_branches(runs: Sequence[Run], run: Run) -> list[str]:
    """What other runs on the incident put on a branch, where this run made none; the newest first."""
    if (run.result() or {}).get("branch"):
        return []
    results = ((other, other.result() or {}) for other in reversed(runs) if other.number != run.number)
    return [
        f"run {other.number} made {result['branch']} at {str(result.get('branch_commit'))[:12]}"
        for other, result in results
        if result.get("branch")
    ]


def _diagnosis(file: Path) -> Diagnosis | None:
    try:
        return Diagnosis.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
