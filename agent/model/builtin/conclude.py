"""The last message: a diagnosis out of what triage found and what was proven."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from agent.diagnosis import Category, Culprit, Diagnosis
from agent.model.builtin.incident import Incident, Spot
from agent.model.builtin.judged import read_answer
from agent.model.builtin.talk import ID
from agent.model.protocol import Item, ToolResult, Turn
from agent.model.spec import RULE_BASED

NAME = RULE_BASED
_LONGEST = 900
REVERTS = "reverts a hunk of"
"""How the reason of a patch begins that takes lines of an earlier change back."""
HIDES = "where data is missing the patch passes it over (workaround)"
"""What is said of a candidate that hides missing data, and says nothing else."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One proposal: what it was to mend, what came of it, and what a reviewer must know of it."""

    why: str
    outcome: str
    spot: Spot | None = None
    risk: str = ""


def fixed(incident: Incident, tried: Sequence[Tried]) -> str:
    """The diagnosis of a patch that was proven; `tried` are the repairs that it is made of."""
    what = "; ".join(dict.fromkeys(one.why for one in tried))
    risk = "; ".join(dict.fromkeys(one.risk for one in tried if one.risk)) or None
    return _diagnosis(
        incident,
        root_cause=f"{incident.why} Mended ({NAME}): {what}.",
        culprit=_culprit(incident, tried[0].spot if tried else None),
        fixable=True,
        confidence=0.7,
        risk=risk,
    )


def unfixed(incident: Incident, why_not: str, tried: Sequence[Tried] = ()) -> str:
    """The diagnosis without a patch: what is known, and what was tried in vain.

    That no rule mends it does not make it another's fault: fixable is what triage says of the code.
    """
    failed = tuple(f"tried: {one.why}: {one.outcome}" for one in tried)
    return _diagnosis(
        incident,
        root_cause=incident.why,
        culprit=_culprit(incident, None),
        fixable=incident.verdict == "the service's own code is at fault",
        why_not=why_not,
        confidence=min(incident.confidence, 0.9),
        evidence=failed,
    )


def last_word(incident: Incident, items: Sequence[Item]) -> str:
    """The best diagnosis where a limit ends the run: fixable only if the last proposal was proven."""
    results = {one.call_id: one.text for one in items if isinstance(one, ToolResult)}
    turns = [one for one in items if isinstance(one, Turn) and one.asked == ID]
    proposals = [call for turn in turns for call in turn.calls if call.name == "propose_patch"]
    last = next((call for call in reversed(proposals) if call.id in results), None)
    if last is not None and read_answer(results[last.id]).passed:
        reason = json.loads(last.arguments)["reason"]
        risk = f"{reason} (workaround)" if reason.startswith(REVERTS) else ""
        return fixed(incident, [Tried(reason, "proven", risk=risk)])
    return unfixed(incident, f"{NAME}: the run ended before a repair was proven")


def _culprit(incident: Incident, mended: Spot | None) -> Culprit | None:
    spot = incident.culprit or mended
    return Culprit(file=spot.path, line=spot.line or None, function=spot.function or None) if spot else None


def _diagnosis(
    incident: Incident, *, root_cause: str, culprit: Culprit | None, fixable: bool, confidence: float,
    why_not: str | None = None, risk: str | None = None, evidence: tuple[str, ...] = (),
) -> str:  # fmt: skip
    known = incident.category in Category.__members__.values()
    said = Diagnosis(
        root_cause=root_cause[:_LONGEST],
        category=Category(incident.category) if known else Category.UNKNOWN,
        culprit=culprit,
        evidence=tuple(one[:_LONGEST] for one in (*incident.evidence, *evidence)),
        fixable=fixable,
        why_not=why_not,
        risk=risk,
        confidence=confidence,
        operator_action=incident.operator,
    )
    return said.model_dump_json()
