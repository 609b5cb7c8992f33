"""Several verdicts as one: a test holds only where every run says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.testing.verdict import RawOutcome, Verdict

_WORST = ("missing", "error", "failed", "xpassed", "xfailed", "skipped", "passed")


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The same tests run several times: the worst outcome of each counts."""
    nodes = dict.fromkeys(node for verdict in verdicts for node in verdict.outcomes)
    missing = RawOutcome(status="missing")
    outcomes = {node: _worst([verdict.outcomes.get(node, missing) for verdict in verdicts]) for node in nodes}
    return _joined(verdicts, outcomes)


def _worst(outcomes: Sequence[RawOutcome]) -> RawOutcome:
    worst = min(outcomes, key=lambda outcome: _WORST.index(outcome.status))
    update: dict[str, Any] = {"parts": _agreed(outcomes), "calls": _made(outcomes)}
    update["idle"] = tuple(sorted(set(worst.idle).intersection(*(outcome.idle for outcome in outcomes))))
    update["claims"] = min((each.claims for each in outcomes if each.claims is not None), default=None)
    for name in ("shared", "escapes"):
        update[name] = tuple(sorted({each for outcome in outcomes for each in getattr(outcome, name)}))
    return worst.model_copy(update=update)


def _agreed(outcomes: Sequence[RawOutcome]) -> dict[str, int]:
    """What ran each time, and how often, where that was the same each time."""
    parts = set(outcomes[0].parts).intersection(*(outcome.parts for outcome in outcomes))
    often = {part: {outcome.parts[part] for outcome in outcomes} for part in sorted(parts)}
    return {part: numbers.pop() if len(numbers) == 1 else 0 for part, numbers in often.items()}


def _made(outcomes: Sequence[RawOutcome]) -> tuple[str, ...]:
    """Calls that were made each time; what was shared, or ended by an exception, counts if it was so once."""
    made = set(outcomes[0].calls).intersection(*(outcome.calls for outcome in outcomes))
    once = {call for outcome in outcomes for call in outcome.calls if "!" in call or call.startswith("~")}
    return tuple(sorted(made | once))


def side_by_side(verdicts: Sequence[Verdict]) -> Verdict:
    """Different tests, one verdict."""
    return _joined(verdicts, {node: out for verdict in verdicts for node, out in verdict.outcomes.items()})


def _joined(verdicts: Sequence[Verdict], outcomes: dict[str, RawOutcome]) -> Verdict:
    def together(name: str) -> Any:
        return tuple(dict.fromkeys(item for verdict in verdicts for item in getattr(verdict, name)))

    return Verdict(
        outcomes=outcomes,
        suspects=together("suspects"),
        tampering=together("tampering"),
        problem=next((verdict.problem for verdict in verdicts if verdict.problem), None),
        untracked=together("untracked"),
        stray=together("stray"),
        watched=together("watched"),
        output=next((verdict.output for verdict in verdicts if verdict.output), ""),
    )
