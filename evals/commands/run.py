"""`autohealer eval run`: run cases, judge them, tell the scores, exit by thresholds."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent.cli.session import as_json, tell_error
from agent.exit import Exit
from agent.model.protocol import NoKey
from agent.settings import SettingsError
from evals.cases import Case
from evals.commands.told import (
    answers_in,
    cases_in,
    cases_option,
    folder_option,
    print_json,
    print_scores,
    tell_stale,
    write_reports,
)
from evals.run.maker import maker
from evals.run.models import OFFLINE, check_keys, check_known
from evals.run.pool import RESULTS, ROOT, Wanted, jobs_for, run_all
from evals.run.progress import progress
from evals.score.answer import Answer, ResultsError
from evals.score.table import scores_by_model
from evals.score.thresholds import Threshold, missed, threshold

MODELS_HELP = f"{', '.join(OFFLINE)}, or a live model of the settings; may be given more than once."


@click.command()
@click.option("--model", "models", multiple=True, default=("rules",), show_default=True, help=MODELS_HELP)
@click.option("--only", multiple=True, metavar="WORD", help="Cases whose id, service or group holds a word.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option("--test-runs", default=1, show_default=True, type=click.IntRange(1, 20))
@click.option("--need", "needs", multiple=True, metavar="SCORE=0.95", help="Or SCORE<0.05 for at most.")
@click.option("--fresh", is_flag=True, help="Do not go on with an earlier run.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings for live models.")
@click.option(
    "--repo", "origin", type=click.Path(path_type=Path, exists=True), help="Repository of exported cases."
)
@cases_option
@folder_option
@as_json
@click.pass_context
def command(ctx: click.Context, /, only: tuple[str, ...], workers: int, needs: tuple[str, ...], fresh: bool,
            root: Path, folder: Path, config: Path | None, as_json: bool, **wanted: Any) -> None:  # fmt: skip
    """Run cases and judge what came of them. Exit code 1 where a threshold is missed.

    A run that was ended goes on where it was. Violations, broken runs and stale recordings miss, too.
    The table and the thresholds are of this run; the reports are of every model in the folder, whose
    results a run of another one leaves alone. A live model without a key is exit code 4.
    """
    thresholds = _thresholds(needs)
    config = config or (ctx.obj.config if ctx.obj else None)
    _check(wanted["models"], config, as_json=as_json)
    made_by = maker(_told(only, **wanted), ROOT)
    jobs = jobs_for(_chosen(root, only), Wanted(**wanted, config=config, maker=made_by), folder.absolute())
    if not jobs:
        raise click.UsageError("no case is left: --only and --model name none that can be answered")
    started = time.monotonic()
    try:
        with progress(len(jobs)) as tell:
            answers = run_all(jobs, folder.absolute(), workers, tell, fresh=fresh)
    except (ResultsError, SettingsError) as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt:
        click.echo("interrupted; the same command without --fresh goes on from here", err=True)
        sys.exit(int(Exit.INTERRUPTED))
    write_reports(folder, answers_in(folder))
    told = _missed(answers, thresholds)
    if as_json:
        print_json(answers, missed=told)
    else:
        _print(folder, answers, time.monotonic() - started)
    for text in told:
        click.echo(f"missed: {text}", err=True)
    sys.exit(1 if told else 0)


def _print(folder: Path, answers: Sequence[Answer], seconds: float) -> None:
    print_scores(answers)
    tell_stale(answers)
    places = f"{folder / RESULTS}, {folder / 'report.md'} and report.html"
    click.echo(f"{len(answers)} runs in {seconds:.0f} s: {places}")


def _check(models: Sequence[str], config: Path | None, *, as_json: bool) -> None:
    try:
        check_known(models, config)
        check_keys(models, config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    except NoKey as error:
        tell_error(f"{error}; nothing was run", Exit.NO_KEY, as_json=as_json)


def _told(only: Sequence[str], models: Sequence[str], repeat: int, test_runs: int, **_: Any) -> str:
    """The command without what changes no answer, and without paths."""
    words = [word for model in models for word in ("--model", model)]
    words += [word for one in only for word in ("--only", one)]
    for option, number in (("--repeat", repeat), ("--test-runs", test_runs)):
        words += [option, str(number)] * (number > 1)
    return shlex.join(["autohealer", "eval", "run", *words])


def _chosen(root: Path, words: tuple[str, ...]) -> list[Case]:
    return [
        case
        for case in cases_in(root).values()
        if not words
        or any(word in (case.id, case.service, case.truth.group) or word in case.id for word in words)
    ]


def _thresholds(needs: tuple[str, ...]) -> tuple[Threshold, ...]:
    try:
        return tuple(map(threshold, needs))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _missed(answers: Sequence[Answer], thresholds: tuple[Threshold, ...]) -> list[str]:
    """Thresholds are for the development cases; what must never happen must not happen in any."""
    seen = [answer for answer in answers if not answer.unseen]
    unseen = [answer for answer in answers if answer.unseen]
    told = [text for scores in scores_by_model(seen) for text in missed(scores, thresholds)]
    return told + [text for scores in scores_by_model(unseen) for text in missed(scores)]
