"""`autohealer eval show`, `compare` and `report`: what earlier runs came to."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.session import as_json
from evals.commands.told import (
    again,
    answers_in,
    cases_in,
    cases_option,
    folder_option,
    known,
    print_json,
    tell_stale,
    write_reports,
)
from evals.run.pool import RESULTS
from evals.score.answer import Answer
from evals.score.compare import compare, got_worse
from evals.score.provenance import about
from evals.score.table import markdown


@click.command()
@click.argument("case")
@click.option("--model", default=None, help="Of this model alone.")
@cases_option
@folder_option
@as_json
def show(case: str, model: str | None, root: Path, folder: Path, as_json: bool) -> None:
    """Show everything about one CASE: what is true, what was answered, and how to run it again."""
    truth = known(cases_in(root), case).truth
    answers = answers_in(folder) if (folder / RESULTS).exists() else []
    found = [answer for answer in answers if answer.case == case and model in (None, answer.model)]
    if as_json:
        said = [answer.model_dump(mode="json") for answer in found]
        click.echo(json.dumps({"truth": truth.model_dump(mode="json"), "answers": said}, indent=1))
        return
    click.echo(f"# {case}: {truth.root_cause}\n{truth.toml()}")
    for answer in found:
        _show(answer, folder)
    if not found:
        click.echo(f"not run yet: {again(model or 'rules', case, folder)}")


def _show(answer: Answer, folder: Path) -> None:
    click.echo(json.dumps(answer.model_dump(mode="json"), indent=1, ensure_ascii=False))
    report = Path(answer.folder) / "report.md"
    click.echo(report.read_text(encoding="utf-8") if report.exists() else "no report was left")
    click.echo(f"again: {again(answer.model, answer.case, folder)}\n")


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@as_json
def compare_two(before: Path, after: Path, as_json: bool) -> None:
    """Compare the results of two runs, files or folders; exit code 1 where a case became worse."""
    old, new = answers_in(before), answers_in(after)
    lines, worse = compare(old, new), got_worse(old, new)
    if as_json:
        click.echo(json.dumps({"changes": lines, "worse": worse}, indent=1))
    else:
        click.echo("\n".join(lines) or "nothing changed")
    sys.exit(1 if worse else 0)


@click.command()
@folder_option
@as_json
def report(folder: Path, as_json: bool) -> None:
    """Write report.md and report.html anew from the results, and print the table."""
    answers = answers_in(folder)
    write_reports(folder, answers)
    if as_json:
        print_json(answers)
        return
    click.echo(markdown(answers, about(answers)))
    tell_stale(answers)
