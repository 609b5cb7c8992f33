"""Two files of results: what became better, what worse, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.score.answer import Answer
from evals.score.scores import score


def compare(before: Sequence[Answer], after: Sequence[Answer]) -> list[str]:
    """Lines about the cases that changed, worse ones first, then the scores that did."""
    old = {(answer.model, answer.case, answer.repeat): answer for answer in before}
    new = {(answer.model, answer.case, answer.repeat): answer for answer in after}
    both = sorted(old.keys() & new.keys())
    worse = [_line("worse", old[key], new[key]) for key in both if old[key].right and not new[key].right]
    better = [_line("better", old[key], new[key]) for key in both if new[key].right and not old[key].right]
    other = [_line("other", old[key], new[key]) for key in both if _is_other(old[key], new[key])]
    gone = [f"only before: {_name(old[key])}" for key in sorted(old.keys() - new.keys())]
    come = [f"only after: {_name(new[key])}" for key in sorted(new.keys() - old.keys())]
    return [*worse, *better, *other, *gone, *come, *_moved([old[k] for k in both], [new[k] for k in both])]


def got_worse(before: Sequence[Answer], after: Sequence[Answer]) -> bool:
    """Whether a case that was right is no longer."""
    right = {answer.key for answer in before if answer.right}
    return any(answer.key in right and not answer.right for answer in after)


def _is_other(old: Answer, new: Answer) -> bool:
    told = (old.outcome, old.verdict, old.category, old.culprit) != (
        new.outcome, new.verdict, new.category, new.culprit,
    )  # fmt: skip
    return old.right == new.right and told


def _line(kind: str, old: Answer, new: Answer) -> str:
    return f"{kind}: {_name(new)}: {_told(old)} -> {_told(new)}"


def _name(answer: Answer) -> str:
    again = f" #{answer.repeat}" if answer.repeat > 1 else ""
    return f"{answer.case}{again} ({answer.model})"


def _told(answer: Answer) -> str:
    if answer.error:
        return f"broken: {answer.error[:80]}"
    if answer.unanswered:
        return f"no answer: {answer.unanswered[:80]}"
    checked = {True: ", correct", False: ", wrong patch", None: ""}[answer.correct]
    return f"{answer.outcome} as {answer.verdict} {answer.category}{checked}"


def _moved(before: Sequence[Answer], after: Sequence[Answer]) -> Iterator[str]:
    for model in dict.fromkeys(answer.model for answer in after):
        one = score(model, [answer for answer in before if answer.model == model])
        two = score(model, [answer for answer in after if answer.model == model])
        for old, new in zip(one.scores, two.scores, strict=True):
            if (old.rate.hits, old.rate.of) != (new.rate.hits, new.rate.of):
                yield f"{model}: {old.title}: {old.rate} -> {new.rate}"
