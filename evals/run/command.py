"""`python -m evals`: run the cases, show one of them, compare two runs, make the report."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from agent.diagnosis import Category
from agent.settings import SettingsError
from evals.cases import INCIDENTS, Case, load_cases
from evals.export import ExportError, export
from evals.run.models import OFFLINE, recording_of
from evals.run.pool import RESULTS, Wanted, jobs_for, run_all
from evals.run.recording import ANSWERED_BY, Endpoint, record_answers
from evals.score.answer import Answer, ResultsError, read_answers
from evals.score.compare import compare, got_worse
from evals.score.page import page
from evals.score.table import kinds, markdown, scores_by_model, scores_table
from evals.score.thresholds import Threshold, missed, threshold
from tools.incident import IncidentError, IncidentFolder

FOLDER = Path(".evals")
MODELS_HELP = f"{', '.join(OFFLINE)}, or a live model of the settings; may be given more than once."

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Where results lie."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Does it heal, does it know when not to, and what does it cost?"""


@main.command("run")
@click.option("--model", "models", multiple=True, default=("rules",), show_default=True, help=MODELS_HELP)
@click.option("--only", multiple=True, metavar="WORD", help="Cases whose id, service or group holds a word.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option("--test-runs", default=1, show_default=True, type=click.IntRange(1, 20))
@click.option("--need", "needs", multiple=True, metavar="SCORE=0.95", help="Or SCORE<0.05 for at most.")
@click.option("--fresh", is_flag=True, help="Do not go on with an earlier run.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings for live models.")
@click.option("--cases", "root", type=click.Path(path_type=Path, exists=True), default=INCIDENTS,
              help="Folder of the cases; exported ones need --repo.")  # fmt: skip
@click.option(
    "--repo", "origin", type=click.Path(path_type=Path, exists=True), help="Repository of exported cases."
)
@folder_option
def run_command(only: tuple[str, ...], workers: int, needs: tuple[str, ...], fresh: bool, root: Path,
                folder: Path, **wanted: Any) -> None:  # fmt: skip
    """Run cases and judge what came of them. Exit code 1 where a threshold is missed."""
    thresholds = _thresholds(needs)
    jobs = jobs_for(_chosen(root, only), Wanted(**wanted), folder.absolute())
    if not jobs:
        raise click.UsageError("no case is left: --only and --model name none that can be answered")
    started = time.monotonic()
    try:
        answers = run_all(jobs, folder.absolute(), workers, _tell, fresh=fresh)
    except (ResultsError, SettingsError) as error:
        raise click.UsageError(str(error)) from error
    seconds = time.monotonic() - started
    _write(folder, answers)
    _print(answers)
    _tell_stale(answers)
    places = f"{folder / RESULTS}, {folder / 'report.md'} and report.html"
    click.echo(f"{len(answers)} runs in {seconds:.0f} s: {places}")
    sys.exit(_verdict(answers, thresholds))


@main.command("record")
@click.argument("cases", nargs=-1, required=True, metavar="CASE...")
@click.option("--url", required=True, help="An OpenAI-compatible endpoint, e.g. http://127.0.0.1:8080/v1.")
@click.option("--api", type=click.Choice(["responses", "chat"]), default="responses", show_default=True)
@click.option("--answered-by", default=ANSWERED_BY, show_default=True, help="What answers there, in words.")
@folder_option
def record_command(
    cases: tuple[str, ...], url: str, api: Literal["responses", "chat"], answered_by: str, folder: Path
) -> None:
    """Record anew what a model answers to each CASE, for `--model recorded`."""
    known, endpoint = load_cases(), Endpoint(url, api, answered_by)
    if unknown := [name for name in cases if name not in known]:
        raise click.UsageError(f"no case {unknown[0]!r}; there are {', '.join(known)}")
    for name in cases:
        into = recording_of(known[name])
        result = record_answers(known[name], endpoint, folder.absolute() / "work" / "record", into)
        click.echo(f"{name}: {result.outcome} after {result.steps} steps: {into}")


@main.command("export")
@click.argument("incident", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--repo", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--fix", required=True, metavar="COMMIT", help="The merged commit of a person that mended it.")
@click.option("--category", required=True, type=click.Choice([str(name) for name in Category]))
@click.option("--into", required=True, type=click.Path(path_type=Path), help="Folder of the cases.")
def export_command(incident: Path, repo: Path, fix: str, category: str, into: Path) -> None:
    """Make a case of a real INCIDENT folder, redacted, with a merged fix as its reference."""
    try:
        made = export(IncidentFolder(incident), repo, fix, Category(category), into)
    except (ExportError, IncidentError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{made}: read it before you share it; run it with --cases {into} --repo {repo}")


@main.command("show")
@click.argument("case")
@click.option("--model", default=None, help="Of this model alone.")
@folder_option
def show_command(case: str, model: str | None, folder: Path) -> None:
    """Show everything about one CASE: what was true, what was answered, and how to run it again."""
    cases = load_cases()
    if case not in cases:
        raise click.UsageError(f"no case {case!r}; there are {', '.join(cases)}")
    click.echo(f"# {case}: {cases[case].truth.root_cause}\n{cases[case].truth.toml()}")
    for answer in _read(folder):
        if answer.case == case and model in (None, answer.model):
            click.echo(json.dumps(answer.model_dump(mode="json"), indent=1, ensure_ascii=False))
            report = Path(answer.folder) / "report.md"
            click.echo(report.read_text(encoding="utf-8") if report.exists() else "no report was left")
            click.echo(f"again: python -m evals run --fresh --model {answer.model} --only {case}\n")


@main.command("compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
def compare_command(before: Path, after: Path) -> None:
    """Compare the results of two runs, files or folders; exit code 1 where a case became worse."""
    old, new = _read(before), _read(after)
    click.echo("\n".join(compare(old, new)) or "nothing changed")
    sys.exit(1 if got_worse(old, new) else 0)


@main.command("report")
@folder_option
def report_command(folder: Path) -> None:
    """Write report.md and report.html anew from the results, and print the table."""
    answers = _read(folder)
    _write(folder, answers)
    click.echo(markdown(answers, about(answers)))
    _tell_stale(answers)


def about(answers: list[Answer]) -> str:
    """What produced a report, in a sentence."""
    codes = ", ".join(sorted({answer.code for answer in answers}))
    models = " ".join(f"--model {model}" for model in dict.fromkeys(answer.model for answer in answers))
    return f"`python -m evals run {models}` on {datetime.now(UTC):%Y-%m-%d}, state of the code {codes}."


def _chosen(root: Path, words: tuple[str, ...]) -> list[Case]:
    cases = load_cases(root.absolute()).values()
    return [
        case
        for case in cases
        if not words
        or any(word in (case.id, case.service, case.truth.group) or word in case.id for word in words)
    ]


def _thresholds(needs: tuple[str, ...]) -> tuple[Threshold, ...]:
    try:
        return tuple(map(threshold, needs))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _tell(answer: Answer, number: int, of: int) -> None:
    what = answer.error or f"{answer.outcome}, {answer.verdict} {answer.category}"
    line = f"[{number:>3}/{of}] {answer.mark:5} {answer.model} {answer.case}: {what} ({answer.seconds:.1f} s)"
    click.echo(line, err=True)


def _tell_stale(answers: list[Answer]) -> None:
    """Which recordings no longer fit what is asked: a prompt, a tool or the incident has changed."""
    stale = [answer.case for answer in answers if (answer.error or "").startswith("CassetteMiss")]
    if stale:
        again = f"python -m evals record --url URL {' '.join(stale)}"
        click.echo(f"stale recordings: {', '.join(stale)}; record them anew with {again}")


def _verdict(answers: list[Answer], thresholds: tuple[Threshold, ...]) -> int:
    """Thresholds are for the development cases; what must never happen must not happen in any."""
    seen = [answer for answer in answers if not answer.unseen]
    unseen = [answer for answer in answers if answer.unseen]
    try:
        told = [text for scores in scores_by_model(seen) for text in missed(scores, thresholds)]
    except KeyError as error:
        raise click.UsageError(f"no score is called {error}") from error
    told += [text for scores in scores_by_model(unseen) for text in missed(scores)]
    for text in told:
        click.echo(f"missed: {text}", err=True)
    return 1 if told else 0


def _print(answers: list[Answer]) -> None:
    for title, members in kinds(answers):
        rows = scores_table(scores_by_model(members))
        rows[0][0] = title
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        click.echo("")


def _write(folder: Path, answers: list[Answer]) -> None:
    text = about(answers)
    (folder / "report.md").write_text(markdown(answers, text), encoding="utf-8")
    (folder / "report.html").write_text(page(answers, text), encoding="utf-8")


def _read(place: Path) -> list[Answer]:
    try:
        return read_answers(place / RESULTS if place.is_dir() else place)
    except ResultsError as error:
        raise click.UsageError(str(error)) from error
