"""What made the figures of a table, in words that can go where the table goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evals.score.answer import Answer


def about(answers: Sequence[Answer]) -> str:
    """One line for each run that these answers are of: command, date, commit, machine, how many of whom.

    A folder holds what several runs left. Where a column is of two states of the code, two lines tell it.
    """
    runs: dict[str, Counter[str]] = {}
    for answer in answers:
        runs.setdefault(_run(answer), Counter())[answer.model] += 1
    told = [
        f"made by: {run}: " + ", ".join(f"{number} of {model}" for model, number in counts.items())
        for run, counts in runs.items()
    ]
    return "\n\n".join(told)


def _run(answer: Answer) -> str:
    command = f"`{answer.made_by}`" if answer.made_by else "an unknown command"
    parts = (command, answer.made_on, answer.commit, f"state of the code {answer.code}", answer.machine)
    return ", ".join(filter(None, parts))
