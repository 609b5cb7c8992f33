"""The scores as tables: one column a model; then, for each model, one row a category and a service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from evals.score.answer import Answer, by
from evals.score.scores import Scores, score


def markdown(answers: Sequence[Answer], about: str) -> str:
    """Everything in one text. `about` says what produced it, below each table of scores: it goes with it."""
    parts = [seen_note(answers)]
    for title, members in kinds(answers):
        parts += ["", f"{title}:", "", *_rows(scores_table(scores_by_model(members))), "", about]
    for title, rows in group_tables(answers):
        parts += ["", f"{title}:", "", *_rows(rows)]
    return "\n".join(parts) + "\n"


def kinds(answers: Sequence[Answer]) -> list[tuple[str, list[Answer]]]:
    """Development cases and unseen ones, each with its title, where there are any."""
    both = (("Development cases", False), ("Unseen cases", True))
    found = [(title, [answer for answer in answers if answer.unseen == unseen]) for title, unseen in both]
    return [(title, members) for title, members in found if members]


def scores_by_model(answers: Sequence[Answer]) -> list[Scores]:
    """The scores of each model, in the order in which they come."""
    models = dict.fromkeys(answer.model for answer in answers)
    return [score(model, [answer for answer in answers if answer.model == model]) for model in models]


NOTES = {
    "rules": "the rules alone, without a model: it never makes a branch",
    "reference": "knows the truth and proposes the reference fix without a test: what the proof can show",
    "wrong": "knows the diagnosis and proposes a plausible wrong fix: what the proof lets through",
    "builtin": "the rule-based model, which looks at earlier commits, too; the testbed's answer some cases",
    "builtin-without-history": "the rule-based model on the commit of the incident alone",
    "recorded": "the recorded answers of a stand-in that saw only the requests",
}
"""What the offline models are."""


def seen_note(answers: Sequence[Answer]) -> str:
    """What kind of figures these are, and what the models are that are none."""
    cases = {answer.case: answer.unseen for answer in answers}
    unseen = sum(cases.values())
    models = dict.fromkeys(answer.model for answer in answers)
    notes = "".join(f" {model}: {NOTES[model]}." for model in models if model in NOTES)
    return (
        f"{len(cases) - unseen} development cases: rules and prompts were made with these at hand, so their "
        f"figures are an upper bound. {unseen} unseen cases: nothing was made with them. "
        f"Intervals are of 95 %: Wilson's for shares, of order statistics for times.{_again(answers)}{notes}"
    )


def _again(answers: Sequence[Answer]) -> str:
    """What a reader must know of a run that asked more than once."""
    repeats = max((answer.repeat for answer in answers), default=1)
    told = f" Each case was run {repeats} times: runs of one case hang together, so intervals are too narrow."
    return told if repeats > 1 else ""


def scores_table(models: Sequence[Scores]) -> list[list[str]]:
    """Title row, then one row a figure."""
    rows = [["", *(scores.model for scores in models)], ["runs", *(str(scores.runs) for scores in models)]]
    for number, first in enumerate(models[0].scores if models else ()):
        rows.append([first.title, *(str(scores.scores[number].rate) for scores in models)])
    costs = [scores.cost for scores in models]
    rows += [
        ["steps, p50 / p95", *(f"{c.steps_p50.told(0)} / {c.steps_p95.told(0)}" for c in costs)],
        ["steps up to the first patch, p50", *(c.patch_step_p50.told(0) for c in costs)],
        [
            "tool calls (failed, told the same again)",
            *(f"{c.tool_calls} ({c.tool_errors}, {c.tool_repeats})" for c in costs),
        ],
        [
            "tokens in (cached) / out",
            *(f"{c.input_tokens} ({c.cached_tokens}) / {c.output_tokens}" for c in costs),
        ],
        ["cost, US dollars", *("not known" if c.cost_usd is None else f"{c.cost_usd:.4f}" for c in costs)],
        ["seconds a case, p50", *(c.seconds_p50.told() for c in costs)],
        ["seconds a case, p95", *(c.seconds_p95.told() for c in costs)],
        ["violations", *(str(len(scores.violations)) for scores in models)],
        ["answered by triage alone, no model asked", *(str(scores.by_triage) for scores in models)],
        ["no answer within the limits", *(str(scores.silent) for scores in models)],
        ["runs that broke", *(str(len(scores.errors)) for scores in models)],
    ]
    return rows


GROUPED = ("right", "verdict", "category", "file", "function", "operator", "correct", "wrong", "grounded")
"""The scores that are told for each category and each service."""

Grouping = Literal["true_category", "service"]


def group_tables(answers: Sequence[Answer]) -> list[tuple[str, list[list[str]]]]:
    """By category and by service, for each model: a title, then a title row and one row a group."""
    groupings: tuple[tuple[Grouping, str], ...] = (("true_category", "category"), ("service", "service"))
    return [
        (f"By {title}: {model}", _group_table([a for a in answers if a.model == model], name, title))
        for name, title in groupings
        for model in dict.fromkeys(answer.model for answer in answers)
    ]


def _group_table(answers: Sequence[Answer], name: Grouping, title: str) -> list[list[str]]:
    rows = [[title, "runs", *GROUPED, "seconds, p50"]]
    for group, members in by(answers, name).items():
        scores = score(group, members)
        told = (scores.of(one).short for one in GROUPED)
        rows.append([group, str(scores.runs), *told, f"{scores.cost.seconds_p50.value:.1f}"])
    return rows


def _rows(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    first, *rest = rows
    yield _row(first)
    yield "|---" * len(first) + "|"
    yield from map(_row, rest)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
