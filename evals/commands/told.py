"""What a run tells: its reports, its table, the same as JSON, and which recordings no longer fit."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from evals.cases import INCIDENTS, Case, load_cases
from evals.run.pool import RESULTS
from evals.score.answer import Answer, ResultsError, read_answers
from evals.score.page import page
from evals.score.provenance import about
from evals.score.scores import Scores
from evals.score.table import kinds, markdown, scores_by_model, scores_table

FOLDER = Path(".evals")

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Where results lie."
)
cases_option = click.option(
    "--cases",
    "root",
    type=click.Path(path_type=Path, exists=True),
    default=INCIDENTS,
    help="Folder of the cases; exported ones need --repo.",
)


def cases_in(root: Path) -> dict[str, Case]:
    """The cases of a folder by their ids.

    Raises:
        UsageError: there are none.
    """
    cases = load_cases(root.absolute())
    if not cases:
        raise click.UsageError(f"no case lies in {root}; ours come with a checkout of AutoHealer")
    return cases


def known(cases: dict[str, Case], name: str) -> Case:
    """The case of this name.

    Raises:
        UsageError: there is none; the message names those that there are.
    """
    if name not in cases:
        raise click.UsageError(f"no case {name!r}; there are {', '.join(cases)}")
    return cases[name]


def answers_in(place: Path) -> list[Answer]:
    """The results of a run, from its folder or its file.

    Raises:
        UsageError: they cannot be read.
    """
    try:
        return read_answers(place / RESULTS if place.is_dir() else place)
    except ResultsError as error:
        raise click.UsageError(str(error)) from error


def again(model: str, case: str, folder: Path) -> str:
    """The command that runs one case by one model anew; the others' results in the folder stay."""
    words = ["autohealer", "eval", "run", "--fresh", "--model", model, "--only", case]
    return shlex.join(words if folder == FOLDER else [*words, "--folder", str(folder)])


def write_reports(folder: Path, answers: Sequence[Answer]) -> None:
    """`report.md` and `report.html` beside the results."""
    text = about(answers)
    (folder / "report.md").write_text(markdown(answers, text), encoding="utf-8")
    (folder / "report.html").write_text(page(answers, text), encoding="utf-8")


def print_scores(answers: Sequence[Answer]) -> None:
    """The table of scores, once for development cases and once for unseen ones."""
    for title, members in kinds(answers):
        rows = scores_table(scores_by_model(members))
        rows[0][0] = title
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        click.echo("")


def print_json(answers: Sequence[Answer], **more: Any) -> None:
    """The same figures for a program."""
    groups = {title: [_plain(one) for one in scores_by_model(members)] for title, members in kinds(answers)}
    click.echo(json.dumps({"scores": groups, "stale": stale(answers), **more}, indent=1))


def stale(answers: Sequence[Answer]) -> list[str]:
    """The cases whose recording no longer fits: a prompt, a tool or the incident has changed."""
    missed = [answer.case for answer in answers if (answer.error or "").startswith("CassetteMiss")]
    return list(dict.fromkeys(missed))


def tell_stale(answers: Sequence[Answer]) -> None:
    """Name the recordings that no longer fit, and the command that records them anew."""
    if names := stale(answers):
        again = f"autohealer record answers {' '.join(names)} --url URL"
        click.echo(f"stale recordings: {', '.join(names)}; record them anew with {again}")


def _plain(scores: Scores) -> dict[str, Any]:
    rates = {
        score.id: {
            "hits": score.rate.hits,
            "of": score.rate.of,
            "share": score.rate.share,
            "interval": score.rate.interval,
        }
        for score in scores.scores
    }
    return {**asdict(scores), "scores": rates}
