"""The scores of one model: what it found, what it made of it, and what that cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evals.score.answer import Answer, Verdict
from evals.score.figures import Quantile, Rate, quantile_of, rate


@dataclass(frozen=True, slots=True)
class Score:
    """One figure: its id for thresholds, what it is, and whether more of it is better."""

    id: str
    title: str
    rate: Rate
    more_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Cost:
    """What the runs took. Tokens, calls and money are sums; `cost_usd` is None where a price was not known.

    `patch_step_p50` is of the runs that came to a patch: the model requests up to the first one.
    """

    steps_p50: Quantile
    steps_p95: Quantile
    patch_step_p50: Quantile
    seconds_p50: Quantile
    seconds_p95: Quantile
    tool_calls: int
    tool_errors: int
    tool_repeats: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """One model on these answers.

    `silent` are runs without an answer within the limits, `by_triage` those in which triage was sure and no
    model was asked: they are scored, since that is how a crash is healed.
    """

    model: str
    runs: int
    scores: tuple[Score, ...]
    cost: Cost
    violations: tuple[str, ...]
    errors: tuple[str, ...]
    silent: int = 0
    by_triage: int = 0

    def of(self, score_id: str) -> Rate:
        """One score by its id.

        Raises:
            KeyError: there is no such score.
        """
        return {score.id: score.rate for score in self.scores}[score_id]


def score(model: str, answers: Sequence[Answer]) -> Scores:
    """The scores of the answers of one model."""
    return Scores(
        model=model,
        runs=len(answers),
        scores=(*_findings(answers), *_patches(answers)),
        cost=_cost(answers),
        violations=tuple(f"{answer.case}: {text}" for answer in answers for text in answer.violations),
        errors=tuple(f"{answer.case}: {answer.error}" for answer in answers if answer.error),
        silent=sum(bool(answer.unanswered) for answer in answers),
        by_triage=sum(answer.answered and not answer.models for answer in answers),
    )


def _findings(answers: Sequence[Answer]) -> Iterable[Score]:
    fixable = [answer for answer in answers if answer.fixable]
    yield Score("right", "right in the end", rate(answer.right for answer in answers))
    yield Score("verdict", "verdict", rate(answer.verdict_right for answer in answers))
    for verdict, text in (("fixable", "fixable"), ("not_fixable", "not fixable")):
        found, truly = _told(answers, verdict), _truly(answers, verdict == "fixable")
        yield Score(f"{verdict}_precision", f"'{text}', precision", rate(a.verdict_right for a in found))
        yield Score(f"{verdict}_recall", f"'{text}', recall", rate(a.verdict_right for a in truly))
    yield Score("category", "category", rate(answer.category_right for answer in answers))
    yield Score("file", "culprit file, top 1", rate(bool(answer.file_right) for answer in fixable))
    yield Score(
        "function", "culprit function, top 1", rate(bool(answer.function_right) for answer in fixable)
    )
    grounded, evidence = sum(a.grounded for a in answers), sum(a.evidence for a in answers)
    yield Score("grounded", "evidence that stands where it says", Rate(grounded, evidence))
    due = [answer for answer in answers if answer.operator_right is not None]
    yield Score(
        "operator",
        "operator's next step, where one is due",
        rate(bool(a.operator_right) for a in due),
    )
    calls = sum(a.tool_calls for a in answers)
    useful = calls - sum(a.tool_errors + a.tool_repeats for a in answers)
    yield Score("efficient", "tool calls that told something new", Rate(useful, calls))


def _patches(answers: Sequence[Answer]) -> Iterable[Score]:
    fixable, other = _truly(answers, True), _truly(answers, False)
    branches = [answer for answer in answers if answer.branch]
    yield Score("plausible", "plausible: proof reached, of the fixable", rate(a.plausible for a in fixable))
    yield Score(
        "correct",
        "correct: hidden check passed, of the fixable",
        rate(a.branch and a.correct is True for a in fixable),
    )
    yield Score("wrong", "wrong, of the branches made", rate(a.correct is not True for a in branches), False)
    yield Score("tested", "regression test shown, of the branches made", rate(a.tested for a in branches))
    yield Score(
        "abstained_rightly", "no branch, of the not fixable", rate(a.answered and not a.branch for a in other)
    )
    yield Score("abstained_wrongly", "no branch, of the fixable", rate(not a.branch for a in fixable), False)
    lost = rate(a.correct is True and not a.branch for a in fixable)
    yield Score("lost", "correct patch, not proven, of the fixable", lost, False)


def _told(answers: Sequence[Answer], verdict: str | Verdict) -> list[Answer]:
    return [answer for answer in answers if answer.verdict == verdict]


def _truly(answers: Sequence[Answer], fixable: bool) -> list[Answer]:
    return [answer for answer in answers if answer.fixable == fixable]


def _cost(answers: Sequence[Answer]) -> Cost:
    steps, seconds = [float(a.steps) for a in answers], [a.seconds for a in answers]
    patched = [float(a.patch_step) for a in answers if a.patch_step is not None]
    costs = [answer.cost_usd for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return Cost(
        steps_p50=quantile_of(steps, 0.5),
        steps_p95=quantile_of(steps, 0.95),
        patch_step_p50=quantile_of(patched, 0.5),
        seconds_p50=quantile_of(seconds, 0.5),
        seconds_p95=quantile_of(seconds, 0.95),
        tool_calls=sum(a.tool_calls for a in answers),
        tool_errors=sum(a.tool_errors for a in answers),
        tool_repeats=sum(a.tool_repeats for a in answers),
        input_tokens=sum(a.input_tokens for a in answers),
        cached_tokens=sum(a.cached_tokens for a in answers),
        output_tokens=sum(a.output_tokens for a in answers),
        cost_usd=sum(known) if len(known) == len(costs) else None,
    )
