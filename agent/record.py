"""Everything that a run has found so far, so that any end of it can be told and replayed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from agent.case import Case
from agent.diagnosis import Diagnosis
from agent.events import Asked, BranchMade, Diagnosed, Emit, Ended, Event, ModelLeft, Noted, PublishFailed
from agent.limits import Spent
from agent.lookback import LookBack
from agent.model.protocol import Item
from agent.model.spec import told_name
from agent.proof import Proof
from agent.publish import Delivery, Proven
from agent.publish.markdown import visible
from agent.report import render_page, render_report
from agent.result import FailedModel, HealResult, Outcome, RungResult
from agent.store import Run
from agent.transcript import Transcript
from agent.triage import Triage
from sandbox.patch import Patch
from tools.incident import IncidentFolder


@dataclass(frozen=True, slots=True)
class SetAside:
    """An answer without a proof, while the next model is asked."""

    diagnosis: Diagnosis | None
    answered_by: str | None
    proof: Proof | None
    patch: Patch | None


@dataclass(slots=True)
class RunRecord:
    """What one run knows and what of it is on the disk; whoever listens hears the same events."""

    run: Run
    listen: Emit
    spent: Spent = field(default_factory=Spent)
    case: Case | None = None
    triage: Triage | None = None
    related: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None
    history: LookBack | None = None
    proof: Proof | None = None
    branch: tuple[str, str] | None = None
    delivery: Delivery = field(default_factory=Delivery)
    asked: list[tuple[str, str]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    served: str | None = None
    answered_by: str | None = None
    failed: list[FailedModel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    transcript: Transcript = field(init=False)

    def __post_init__(self) -> None:
        self.transcript = Transcript(self.run)

    def emit(self, event: Event) -> None:
        """Journal first, then whoever listens. Once a branch is made, a full disk ends nothing any more.

        Raises:
            OSError: the journal cannot be written, and there is no branch yet.
        """
        if isinstance(event, BranchMade):
            self.branch = (event.ref.removeprefix("refs/heads/"), event.commit)
        try:
            self.run.append(event)
        except OSError as error:
            if self.branch is None:
                raise
            self.unkept(error)
        if isinstance(event, Noted | PublishFailed):
            self.notes.append(event.text)
        if isinstance(event, Asked) and (event.model, event.served) not in self.asked:
            self.asked.append((event.model, event.served))
        if isinstance(event, Asked):
            self.served = told_name(event.served)
            self.models += [self.served] if self.served not in self.models else []
        if isinstance(event, ModelLeft):
            self.failed.append(FailedModel(model=told_name(event.model), why=event.why))
        self.listen(event)

    def save(self, items: list[Item]) -> None:
        """Keep the conversation after every step, so that a killed run can be read."""
        self.transcript.save(items)

    def proven(self, case: Case, patch: Patch, proof: Proof, diagnosis: Diagnosis) -> Proven:
        """What is published, with how it came to be."""
        return Proven(
            case, patch, proof, diagnosis, self.history, tuple(self.asked), self.spent, self.run.number,
            self.answered_by, tuple(self.failed),
        )  # fmt: skip

    def keep(self, patch: Patch) -> None:
        """The proposed patch beside the journal, before anything is done with it."""
        self.run.write("patch.diff", patch.diff)

    def set_aside(self, case: Case) -> SetAside:
        """Begin anew after an answer without a proof: nothing of its patch is told as the next one's."""
        before = SetAside(self.diagnosis, self.answered_by, self.proof, case.bench.patch)
        self.proof = case.bench.patch = None
        (self.run.path / "patch.diff").unlink(missing_ok=True)
        return before

    def take_back(self, case: Case, before: SetAside) -> None:
        """The answer that was set aside stands after all."""
        self.diagnosis, self.answered_by, self.proof = before.diagnosis, before.answered_by, before.proof
        case.bench.patch = before.patch
        if before.diagnosis is not None:
            self.run.write("diagnosis.json", before.diagnosis.model_dump_json(indent=1))
        if before.patch is not None and before.proof is not None:
            self.keep(before.patch)

    def conclude(self, case: Case, said: Diagnosis, *, by_triage: bool = False) -> Diagnosis:
        """Keep a diagnosis, redacted, before anything follows from it: the last model's, or triage's."""
        diagnosis = said.model_copy(update={"related": self.related}).redacted(case.bench.redact)
        self.diagnosis = diagnosis
        self.answered_by = None if by_triage else self.served
        self.run.write("diagnosis.json", diagnosis.model_dump_json(indent=1))
        self.emit(Diagnosed(diagnosis.category, diagnosis.fixable, diagnosis.root_cause))
        return diagnosis

    def close(self, folder: IncidentFolder, outcome: Outcome, summary: str) -> HealResult:
        """The result and the report, written; every end of a run comes through here."""
        result = self.result(folder, outcome, summary)
        try:
            self.run.write("result.json", result.model_dump_json(indent=1))
            self.run.write("report.md", self.report(result))
        except OSError as error:
            self.unkept(error)
            return self.result(folder, outcome, summary)
        return result

    def unkept(self, error: OSError) -> None:
        """The state folder takes no more: say so once, and go on with what is known."""
        note = f"the run's folder cannot be written: {error.strerror or error}"
        if note not in self.notes:
            self.notes.append(note)
            self.listen(Noted(note))

    def end(self, result: HealResult) -> None:
        """The last event, and the page, which shows the journal to its end."""
        try:
            self.emit(Ended(result.outcome, result.summary, result.seconds, result.cost_usd or 0.0))
            self.run.write("report.html", render_page(result, self.run, self.case, self.triage))
        except OSError as error:
            self.unkept(error)

    def result(self, folder: IncidentFolder, outcome: Outcome, summary: str) -> HealResult:
        incident = self.case.incident if self.case else folder.incident()
        rungs = tuple(RungResult(**asdict(rung)) for rung in self.proof.rungs) if self.proof else ()
        spent = self.spent
        branch, commit = self.branch or (None, None)
        return HealResult(
            incident=incident.id, run=self.run.number, service=incident.service, commit=incident.commit,
            outcome=outcome, summary=summary,
            branch=branch, branch_commit=commit, pushed=self.delivery.pushed,
            pull_request=self.delivery.pull_request, by_hand=self.delivery.by_hand,
            diagnosis=self.diagnosis, proof=rungs, labels=self.proof.labels if self.proof else (),
            models=tuple(self.models), answered_by=self.answered_by,
            failed_models=tuple(self.failed), steps=spent.steps, input_tokens=spent.input_tokens,
            cached_tokens=spent.cached_tokens, output_tokens=spent.output_tokens,
            cost_usd=None if spent.unpriced_calls else spent.cost_usd, seconds=spent.seconds,
            way_back=self.history.told if self.history else None,
            fingerprint=self.triage.fingerprint if self.triage else None, notes=tuple(self.notes),
            folder=str(self.run.path),
        )  # fmt: skip

    def report(self, result: HealResult) -> str:
        """`report.md`, redacted; what a log would do to a terminal is shown as text."""
        crash = self.case.crash.text if self.case and self.case.crash else ""
        patch = self.case.bench.patch if self.case else None
        text = render_report(
            result,
            crash=crash,
            triage=self.triage.text if self.triage else "",
            diff=patch.diff if patch else "",
        )
        return visible(self.case.bench.redact(text) if self.case else text)
