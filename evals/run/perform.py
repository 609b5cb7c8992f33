"""One case from start to judgement, in whatever process it is called."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agent.diagnosis import Culprit
from agent.events import Event, Triaged
from agent.heal import Plan, heal
from agent.result import HealResult
from agent.settings import Settings
from evals.cases import Case, load_case
from evals.checks.judge import Judge, tree_of
from evals.run.calls import Calls
from evals.run.maker import UNKNOWN, Maker
from evals.run.models import asks_always, choosing, settings_for
from evals.run.place import Place
from evals.run.violations import violations
from evals.score.actions import mends
from evals.score.answer import Answer, Verdict
from evals.score.grounded import Ground
from evals.testbed.repository import git
from sandbox.isolation import SandboxUnavailable, find_isolation
from tools.repository import Repository


@dataclass(frozen=True, slots=True)
class Job:
    """One case to run: where it lies, who answers, where it is worked on and where its record goes."""

    case: Path
    model: str
    repeat: int
    work: Path
    record: Path
    code: str
    config: Path | None = None
    test_runs: int = 1
    origin: Path | None = None
    maker: Maker = UNKNOWN


@dataclass(slots=True)
class Heard:
    """What the events of a run tell beyond its result."""

    triaged: Triaged | None = None
    calls: Calls = field(default_factory=Calls)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Triaged):
            self.triaged = event
        self.calls.hear(event)


def perform(job: Job) -> Answer:
    """Run and judge one case. Whatever breaks is raised."""
    return _judged(job, load_case(job.case))


def broken(job: Job, error: BaseException) -> Answer:
    """The answer that a run is which broke."""
    return _blank(job, load_case(job.case), error=f"{type(error).__name__}: {error}"[:1000])


def _judged(job: Job, case: Case) -> Answer:
    place = Place(job.work, case, job.origin)
    store, folder = place.prepare()
    settings = settings_for(job.model, case, place.repo, job.config, job.test_runs)
    before, heard = place.standing(), Heard()
    with choosing(job.model, case, settings) as choose:
        result = heal(folder, store, settings, Plan(choose, always_ask=asks_always(job.model)), heard)
    answer = _unanswered(job, case, result) or _answer(job, case, result, heard)
    answer = answer.model_copy(update={"violations": violations(place, result, before)})
    if answer.answered:
        answer = answer.model_copy(update=_grounded(place, result) | _checked(place, result, settings))
    shutil.rmtree(job.record, ignore_errors=True)
    shutil.copytree(result.folder, job.record)
    return answer


def _blank(job: Job, case: Case, **more: object) -> Answer:
    return Answer.model_validate(
        {
            "case": case.id, "service": case.service, "group": case.truth.group, "unseen": case.truth.unseen,
            "model": job.model, "repeat": job.repeat, "code": job.code, "fixable": case.truth.fixable,
            "true_category": str(case.truth.category), "folder": str(job.record),
            "operator_right": False if _operator_due(case) else None, "made_by": job.maker.command,
            "made_on": f"{datetime.now(UTC):%Y-%m-%d}", "commit": job.maker.commit,
            "machine": job.maker.machine, **more,
        }
    )  # fmt: skip


def _answer(job: Job, case: Case, result: HealResult, heard: Heard) -> Answer:
    said, truth = result.diagnosis, case.truth
    return _blank(
        job, case,
        outcome=result.outcome, summary=result.summary[:500], verdict=_verdict(result, heard),
        category=str(said.category) if said else "", confidence=said.confidence if said else None,
        category_right=said is not None and truth.accepts(said.category),
        branch=result.branch is not None, plausible=result.outcome in ("branch", "proven"),
        tested=any(r.name == "regression test" and r.state == "shown" for r in result.proof),
        labels=result.labels, tool_calls=heard.calls.made, tool_errors=heard.calls.errors,
        tool_repeats=heard.calls.repeats, patch_step=heard.calls.patch_step, **_spent(result),
        **_culprit(case, said.culprit if said else None),
        **_operator(case, said.operator_action if said else None),
    )  # fmt: skip


def _unanswered(job: Job, case: Case, result: HealResult) -> Answer | None:
    """Where a model was asked and triage had to speak in its place: no answer, and nothing of it is scored.

    A model that failed may answer next time, so the run is one that broke; a limit is the model's own.
    """
    clear = result.outcome == "not_fixable"
    if job.model == "rules" or result.answered_by is not None or clear:
        return None
    failed = "; ".join(f"{one.model}: {one.why}" for one in result.failed_models)
    told = {"error": f"NotAnswered: {failed}"[:1000]} if failed else {"unanswered": result.summary[:500]}
    return _blank(job, case, outcome=result.outcome, **_spent(result), **told)


def _spent(result: HealResult) -> dict[str, object]:
    spent = ("models", "steps", "input_tokens", "cached_tokens", "output_tokens", "cost_usd", "seconds")
    return {name: getattr(result, name) for name in spent}


def _verdict(result: HealResult, heard: Heard) -> Verdict:
    """What the run says of the service's code; the rules can say that they do not know."""
    by_rules = result.steps == 0 and heard.triaged is not None
    if by_rules and heard.triaged is not None and heard.triaged.verdict == "unclear":
        return "unclear"
    if result.diagnosis is None:
        return "unclear"
    return "fixable" if result.diagnosis.fixable else "not_fixable"


def _culprit(case: Case, said: Culprit | None) -> dict[str, object]:
    true = case.truth.culprit
    told = f"{said.file}:{said.function or ''}" if said else None
    if true is None:
        return {"culprit": told}
    file_right = said is not None and said.file == true.file
    function = (said.function or "").rpartition(".")[2] if said else ""
    return {
        "culprit": told,
        "file_right": file_right,
        "function_right": file_right and function.strip("()") == true.function,
    }


def _operator(case: Case, said: str | None) -> dict[str, object]:
    """The next step counts where the service's code is not at fault; a fix needs none."""
    return {"operator_action": said, "operator_right": mends(case, said) if _operator_due(case) else None}


def _operator_due(case: Case) -> bool:
    return bool(case.truth.operator_actions) and not case.truth.fixable


def _grounded(place: Place, result: HealResult) -> dict[str, object]:
    evidence = result.diagnosis.evidence if result.diagnosis else ()
    nowhere = Ground(place.case.folder, Repository(place.repo, place.case.commit)).ungrounded(evidence)
    return {"evidence": len(evidence), "grounded": len(evidence) - len(nowhere), "ungrounded": nowhere}


def _checked(place: Place, result: HealResult, settings: Settings) -> dict[str, object]:
    """What the hidden check says of the patch, on a branch or not."""
    patch = Path(result.folder) / "patch.diff"
    if result.branch is None and not patch.exists():
        return {}
    if not place.case.truth.fixable:
        return {"patched": True, "correct": False, "wrong": "nothing in the service's code is to be mended"}
    try:
        judge = Judge(find_isolation(allow_seatbelt=settings.sandbox.allow_seatbelt))
    except SandboxUnavailable as error:
        return {"patched": True, "wrong": f"not judged: {error}"}
    with tree_of(place.repo, result.branch or place.case.commit) as tree:
        if result.branch is None:
            _apply(tree, patch)
        verdict = judge.judge(place.case.id, tree)
    if verdict.problem:
        return {"patched": True, "wrong": f"not judged: {verdict.problem}"}
    broken = [r.detail for r in result.proof if r.name == "nothing broken" and r.state == "failed"]
    passed = verdict.passed and not broken
    return {"patched": True, "correct": passed, "wrong": "\n".join([*broken, verdict.text]).strip()}


def _apply(tree: Path, patch: Path) -> None:
    """Apply a kept patch to plain files, in no repository that may lie around them."""
    alone = {"GIT_CEILING_DIRECTORIES": str(tree.parent)}
    git(tree, "apply", "--whitespace=nowarn", str(patch), env=alone)
