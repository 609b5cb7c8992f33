"""One incident from start to end: the only place that knows the whole order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agent.case import Case, open_case, refuse_outage
from agent.diagnosis import Diagnosis
from agent.earlier import declined_before, earlier_attempts
from agent.events import Emit, LookedBack, Noted, Proposed, Started, Triaged
from agent.limits import Limits
from agent.lookback import look_back
from agent.loop import Loop
from agent.model.chain import Chain
from agent.model.protocol import Model, NoModelLeft
from agent.model.spec import RULE_BASED
from agent.models import ChooseModel
from agent.moved import carried_over, has_moved, refusal
from agent.notify.heals import HealPages
from agent.outward import Outward
from agent.prompt import opening, request_for
from agent.proof import Proof, Rung, prove
from agent.publish import Publication, Published, interrupted, outward, publish, take_up
from agent.record import RunRecord
from agent.result import HealResult, Outcome
from agent.settings import Settings
from agent.store import Run, Store
from agent.texts import fill_prompt
from agent.triage import Triage, related, triage
from sandbox.patch import Patch
from sandbox.scope import Refused
from tools.incident import IncidentFolder
from tools.redact import Redactor
from tools.toolset import SIX_TOOLS

ATTEMPTS = 3
"""The first proof and at most two more after what failed went back to the model."""

READING_TOOLS = ("read_log", "get_health_snapshot", "read_file", "grep_services")

StopAfter = Literal["diagnose", "patch", "prove", "branch"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is asked, and how far a run goes."""

    choose_model: ChooseModel
    stop_after: StopAfter = "branch"
    always_ask: bool = False


@dataclass(slots=True)
class Heal:
    """One run on one incident."""

    store: Store
    settings: Settings
    plan: Plan
    listen: Emit
    run: Run
    record: RunRecord = field(init=False)
    pages: HealPages = field(init=False)

    def __post_init__(self) -> None:
        self.record = RunRecord(self.run, self.listen)
        self.pages = HealPages.of(self.settings, self.store.root, self.record.emit)

    def work(self, folder: IncidentFolder) -> tuple[Outcome, str]:
        """The whole order; returns the outcome and a sentence about it."""
        case = self.open(folder)
        for told in declined_before(self.store, folder):
            self.record.emit(Noted(case.bench.redact(told)))
        left = interrupted(self.store, folder) if self.plan.stop_after == "branch" else None
        if left is not None:
            return self.take_up(*left)
        found = self.judge(case)
        if self.is_clear(found):
            return self.by_rules(case, found, "not_fixable")
        model = self.plan.choose_model(case, self.record.emit)
        if model is None:
            return self.by_rules(case, found, "diagnosed")
        try:
            return self.ask(case, found, model)
        except NoModelLeft as error:
            self.record.emit(Noted(f"no model answered, so this is what triage found: {error}"))
            return self.by_rules(case, found, "no_key" if error.no_key else "diagnosed")
        except Refused as refused:
            return "refused", f"{refused.rule}: {refused.message}"

    def judge(self, case: Case) -> Triage:
        """What triage says, before any model is asked."""
        found = triage(case.folder, case.bench.repository, case.truth, case.crash)
        self.record.triage, self.record.related = found, related(case.bench.repository, found)
        self.pages.diagnosing(case.incident.id, found, outward(case))
        self.record.emit(Triaged(found.category, found.verdict, found.confidence, found.why))
        return found

    def open(self, folder: IncidentFolder) -> Case:
        incident = folder.incident()
        repo = str(self.settings.repo or incident.repo or "")
        self.record.emit(Started(incident.id, incident.service, incident.commit, repo, self.run.number))
        case = open_case(folder, self.settings, self.store.root, self.record.emit)
        self.record.case = case
        return case

    def is_clear(self, found: Triage) -> bool:
        """Whether triage alone may end the run: not this service's code, and it is sure of it."""
        sure = found.confidence >= self.settings.triage.clear
        ask = self.plan.always_ask or self.settings.triage.always_ask
        return found.verdict == "not_fixable" and sure and not ask

    def ask(self, case: Case, found: Triage, model: Model) -> tuple[Outcome, str]:
        """What the model makes of it; where rules go first and end without a proof, the next model's answer.

        Raises:
            NoModelLeft: no model answered.
        """
        loop = self.loop(case, model)
        ended = self.attempts(case, found, loop, opening(case, found, earlier_attempts(self.store, found)))
        while self.is_open(case, ended[0]) and isinstance(model, Chain) and (following := model.hand_over()):
            self.record.emit(Noted(f"{RULE_BASED}: {ended[1]}; asking {following} from here on"))
            before = self.record.set_aside(case)
            message = case.bench.redact(fill_prompt("handed_over.md", summary=ended[1]))
            loop.begin_again()
            try:
                ended = self.attempts(case, found, loop, message)
            except NoModelLeft:
                self.record.take_back(case, before)
                return ended
        return ended

    def is_open(self, case: Case, outcome: Outcome) -> bool:
        """Whether a next model may still make something of it: no proof, no limit, no wish to stop here."""
        stopped = self.plan.stop_after in ("diagnose", "patch") and case.bench.patch is not None
        return outcome in ("not_fixable", "unproven", "diagnosed") and not stopped

    def attempts(self, case: Case, found: Triage, loop: Loop, message: str) -> tuple[Outcome, str]:
        """Converse, prove, tell what failed, at most twice more; then publish."""
        for attempt in range(1, ATTEMPTS + 1):
            answer, limit = loop.run(message)
            if answer is None:
                return self.by_rules(case, found, "limit")[0], limit or "no diagnosis was given"
            diagnosis = self.record.conclude(case, answer)
            self.look_back(case)
            patch = case.bench.patch
            # builtin says itself that it proved nothing; a model's patch is judged all the same.
            gave_up = self.record.answered_by == RULE_BASED and diagnosis.why_not is not None
            if not diagnosis.fixable or patch is None or gave_up:
                return ("limit", limit) if limit else self.without_patch(diagnosis, found)
            self.record.keep(patch)
            if self.plan.stop_after in ("diagnose", "patch"):
                return "diagnosed", "the patch was not proven, as asked"
            self.record.proof = self.prove(case, patch, diagnosis)
            if self.record.proof.proven:
                return self.publish(case, patch, self.record.proof, diagnosis)
            if limit:
                return "limit", limit
            left = ATTEMPTS - attempt
            if case.isolation is None or not left:
                break
            told = f"You have {left} more attempt{'s' * (left > 1)}."
            message = case.bench.redact(fill_prompt("proof_failed.md", proof=self.record.proof, left=told))
        return "unproven", self.record.proof.why_not if self.record.proof else "nothing was proven"

    def loop(self, case: Case, model: Model) -> Loop:
        names = READING_TOOLS if self.plan.stop_after == "diagnose" else tuple(SIX_TOOLS)
        tools = {name: SIX_TOOLS[name] for name in names}
        limits, record = Limits(**self.settings.limits.model_dump()), self.record
        request = request_for(case, tools.values())
        return Loop(model, request, tools, case.bench, limits, record.spent, record.emit, record.save)

    def prove(self, case: Case, patch: Patch, diagnosis: Diagnosis) -> Proof:
        self.record.emit(Proposed(patch.tree, tuple(file.path for file in patch.files)))
        proof = prove(case, patch, self.settings.sandbox.test_runs, self.record.emit)
        return proof.in_its_own_words(diagnosis.risk) if self.record.answered_by == RULE_BASED else proof

    def publish(self, case: Case, patch: Patch, proof: Proof, diagnosis: Diagnosis) -> tuple[Outcome, str]:
        if self.plan.stop_after == "prove":
            return "proven", f"no branch was made, as asked; {proof.line}"
        if has_moved(case):
            self.record.emit(
                Noted("the checkout moved on while healing: the patch is proven again on its new commit")
            )
            case, patch = carried_over(case, patch)
            self.record.proof = proof = self.prove(case, patch, diagnosis)
            if not proof.proven:
                raise refusal(proof.why_not)
        proven = self.record.proven(case, patch, proof, diagnosis)
        models = "; ".join(self.record.models)
        published = publish(proven, models, self.run, self.settings.publish, self.record.emit)
        self.delivered(published)
        return "branch", f"{published.branch}: {proof.line}"

    def take_up(self, left: Publication, commit: str) -> tuple[Outcome, str]:
        """An earlier run made its branch and was killed before it could say so: bring that further."""
        self.record.emit(
            Noted(f"run {left.run} made the branch and was cut short; its publication goes on here")
        )
        self.record.diagnosis = left.diagnosis
        self.record.proof = Proof(tuple(Rung(**rung.model_dump()) for rung in left.proof), left.labels)
        self.delivered(take_up(left, commit, self.run, self.settings.publish, self.record.emit))
        return "branch", f"{left.branch}: {left.proof_line}"

    def delivered(self, published: Published) -> None:
        self.record.branch, self.record.delivery = (published.branch, published.commit), published.delivery

    def look_back(self, case: Case) -> None:
        """Once the model has its answer: which change brought the crash, and the quick way back."""
        if self.record.history is None and self.plan.stop_after in ("prove", "branch"):
            self.record.history = look_back(case)
            if self.record.history is not None:
                self.record.emit(LookedBack(self.record.history.told))

    def by_rules(self, case: Case, found: Triage, outcome: Outcome) -> tuple[Outcome, str]:
        """End with what triage found."""
        diagnosis = self.record.conclude(case, found.to_diagnosis(), by_triage=True)
        return outcome, diagnosis.why_not or diagnosis.root_cause

    def without_patch(self, diagnosis: Diagnosis, found: Triage) -> tuple[Outcome, str]:
        told = diagnosis.why_not or diagnosis.root_cause
        if diagnosis.fixable:
            return "diagnosed", f"a diagnosis without a patch: {told}"
        # builtin answers from what triage found: it cannot make out of "unclear" that the code is well.
        unclear = found.verdict == "unclear" and self.record.answered_by in (None, RULE_BASED)
        return "diagnosed" if unclear else "not_fixable", told


def heal(folder: IncidentFolder, store: Store, settings: Settings, plan: Plan, listen: Emit) -> HealResult:
    """Heal one incident that is in the store; every end leaves a result and a report.

    Raises:
        Busy: another run holds the service.
        IncidentError: the incident or its repository cannot be used, or it is an outage.
    """
    service = folder.incident().service
    refuse_outage(folder.incident())
    with store.hold(service):
        run = Heal(store, settings, plan, listen, store.open_run(folder))
        outcome: Outcome = "failed"
        summary = "the run was interrupted"
        try:
            outcome, summary = run.work(folder)
        except KeyboardInterrupt:
            outcome = "interrupted"
            raise
        except BaseException as error:
            summary = f"{type(error).__name__}: {error}"
            raise
        finally:
            result = run.record.close(folder, outcome, summary)
            case = run.record.case
            run.pages.ended(result, outward(case) if case else Outward(Redactor()))
            run.record.end(result)
    return result
