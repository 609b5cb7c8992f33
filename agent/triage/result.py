"""What triage says: a category, a verdict, and the evidence for every conclusion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agent.diagnosis import Category, Culprit, Diagnosis
from tools.logs import Crash, Owner
from tools.redact import inert
from tools.repository import Change

Verdict = Literal["fixable", "not_fixable", "unclear"]
Reason = Literal[
    "infrastructure", "truth", "shared", "package", "transient", "upstream", "operator", "resource"
]

_LONGEST = 900
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something the service needs, as the snapshot shows it; `explains` says that the crash comes from it."""

    name: str
    state: Literal["well", "not well", "unknown"]
    text: str
    explains: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule concluded. `explains` names dependencies, `notes` tell look-alikes apart."""

    category: Category
    verdict: Verdict
    confidence: float
    why: str
    reason: Reason | None = None
    action: str | None = None
    culprit: Culprit | None = None
    evidence: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Triage:
    """The rules' answer for one incident.

    `verdict` is about this service's code; `reason` says why it is not at fault, where it is not.
    `crash` has its frames mapped to the commit. `changes` are the newest commits that touched the
    culprit's file, `look_alikes` what else it might have been and why it is not.
    """

    service: str
    crash: Crash | None
    category: Category
    confidence: float
    verdict: Verdict
    why: str
    reason: Reason | None = None
    culprit: Culprit | None = None
    owner: Owner = "unknown"
    dependencies: tuple[Dependency, ...] = ()
    fingerprint: str | None = None
    look_alikes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    operator_action: str | None = None
    evidence: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """A short summary for the prompt and the report, the same for the same incident."""
        lines = [f"Verdict of the rules: {_VERDICTS[self.verdict]} (confidence {self.confidence:.2f})."]
        lines += [f"Category: {self.category}. {self.why}"]
        if self.culprit is not None:
            lines.append(f"Culprit: {_place(self.culprit)} (owner: {self.owner.replace('_', ' ')})")
        lines += _listed("Evidence", self.evidence)
        lines += _listed("Look-alikes", self.look_alikes)
        lines += _listed("Dependencies not well", [_told(d) for d in self.dependencies if d.state != "well"])
        lines += _listed("Last commits to that file", [_change(change) for change in self.changes])
        if self.operator_action:
            lines.append(f"Operator: {self.operator_action}")
        return "\n".join(_one_line(line) for line in lines)

    def to_diagnosis(self) -> Diagnosis:
        """The same as a diagnosis, for a run that asks no model."""
        return Diagnosis(
            root_cause=_one_line(self.why),
            category=self.category,
            culprit=self.culprit,
            evidence=tuple(_one_line(entry) for entry in self.evidence),
            fixable=self.verdict == "fixable",
            why_not=None if self.verdict == "fixable" else _one_line(self._why_not()),
            confidence=self.confidence,
            operator_action=self.operator_action,
        )

    def _why_not(self) -> str:
        if self.verdict == "unclear":
            return f"the rules cannot tell whether the service's own code is at fault: {self.why}"
        return f"{self.reason}: {self.why}" if self.reason else self.why


_VERDICTS = {
    "fixable": "the service's own code is at fault",
    "not_fixable": "not the service's own code",
    "unclear": "unclear",
}


def _one_line(text: str) -> str:
    """Log text as one harmless line: nothing in it is obeyed by a terminal or taken for a role."""
    return inert(" ".join(text[:_LONGEST].split()) if "\n" in text[:_LONGEST] else text[:_LONGEST])[:_LONGEST]


def _place(culprit: Culprit) -> str:
    line = f":{culprit.line}" if culprit.line else ""
    function = f" in {culprit.function}" if culprit.function else ""
    return f"{culprit.file}{line}{function}"


def _told(dependency: Dependency) -> str:
    explains = " [explains the crash]" if dependency.explains else ""
    return f"{dependency.name}: {dependency.text}{explains}"


def _change(change: Change) -> str:
    return f"{change.commit[:10]} {change.date:%Y-%m-%d} {change.author}: {change.subject}"


def _listed(title: str, entries: list[str] | tuple[str, ...]) -> list[str]:
    if not entries:
        return []
    more = [f"- and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
    return [f"{title}:", *(f"- {entry}" for entry in entries[:_SHOWN]), *more]
