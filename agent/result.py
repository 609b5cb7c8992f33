"""What became of a run: one typed value for the terminal, `--json`, the report and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent.diagnosis import Diagnosis
from agent.exit import Exit

Outcome = Literal[
    "branch",
    "proven",
    "diagnosed",
    "unproven",
    "not_fixable",
    "limit",
    "refused",
    "no_key",
    "interrupted",
    "failed",
]  # fmt: skip


EXIT_OF: dict[Outcome, Exit] = {
    "branch": Exit.DONE,
    "proven": Exit.DONE,
    "diagnosed": Exit.NO_PATCH,
    "unproven": Exit.NO_PATCH,
    "not_fixable": Exit.NO_PATCH,
    "limit": Exit.BUDGET,
    "refused": Exit.REFUSED,
    "no_key": Exit.NO_KEY,
    "interrupted": Exit.INTERRUPTED,
    "failed": Exit.ERROR,
}


class RungResult(BaseModel):
    """One rung of the proof ladder as it is stored."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: str
    detail: str


class FailedModel(BaseModel):
    """A model that was to answer and did not, and why."""

    model_config = ConfigDict(frozen=True)

    model: str
    why: str


class HealResult(BaseModel):
    """One finished run. Cost is US dollars (None: no price is known), times are seconds.

    `models` answered at least one request; `answered_by` is the one whose diagnosis this is, None where
    it is triage's.
    """

    model_config = ConfigDict(frozen=True)

    incident: str
    run: int
    service: str
    commit: str
    outcome: Outcome
    summary: str
    branch: str | None = None
    branch_commit: str | None = None
    pushed: bool = False
    pull_request: str | None = None
    by_hand: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
    proof: tuple[RungResult, ...] = ()
    labels: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    answered_by: str | None = None
    failed_models: tuple[FailedModel, ...] = ()
    steps: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    way_back: str | None = None
    fingerprint: str | None = None
    notes: tuple[str, ...] = ()
    folder: str = ""

    @property
    def exit_code(self) -> Exit:
        """The exit code that tells this outcome."""
        return EXIT_OF[self.outcome]


def told_answer(answered_by: str | None, failed: Sequence[FailedModel]) -> str:
    """Who answered, and which models failed before and why, in a sentence."""
    who = answered_by or ("triage alone, no model answered" if failed else "triage alone, no model was asked")
    told = "; ".join(f"{one.model} failed ({one.why})" for one in failed)
    return f"{who}, after {told}" if told else who
