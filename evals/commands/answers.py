"""`autohealer record answers`: keep what a model answers to a case, for `eval run --model recorded`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import click

from agent.cli.session import as_json, tells_errors
from evals.commands.told import cases_in, cases_option, folder_option, known
from evals.run.models import recording_of
from evals.run.recording import ANSWERED_BY, Endpoint, record_answers
from evals.run.relay import RelayError, relay


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="CASE...")
@click.option("--url", help="An OpenAI-compatible endpoint that answers, e.g. http://127.0.0.1:8080/v1.")
@click.option("--relay", "words", metavar="'PROGRAM ARGS'",
              help="Start this program to answer, with {port} where its port goes.")  # fmt: skip
@click.option("--api", type=click.Choice(["responses", "chat"]), default="responses", show_default=True)
@click.option("--answered-by", default=ANSWERED_BY, show_default=True, help="What answers there, in words.")
@click.option("--into", type=click.Path(path_type=Path), help="Folder of the recordings (default: ours).")
@cases_option
@folder_option
@as_json
@tells_errors
def command(names: tuple[str, ...], url: str | None, words: str | None, api: Literal["responses", "chat"],
            answered_by: str, into: Path | None, root: Path, folder: Path,
            as_json: bool) -> None:  # fmt: skip
    """Record anew what a model answers to each CASE, through an endpoint or a program that is one."""
    if bool(url) == bool(words):
        raise click.UsageError("say what answers, with --url or with --relay")
    cases, told = cases_in(root), []
    chosen = [known(cases, name) for name in names]
    work = folder.absolute() / "work" / "record"
    try:
        with relay(words) if words else nullcontext(str(url)) as answering:
            endpoint = Endpoint(answering, api, answered_by)
            for case in chosen:
                file = into / f"{case.id}.yaml" if into else recording_of(case)
                result = record_answers(case, endpoint, work, file.absolute())
                said = {"case": case.id, "outcome": result.outcome, "steps": result.steps, "file": str(file)}
                told.append(said)
                click.echo("{case}: {outcome} after {steps} steps: {file}".format(**said), err=as_json)
    except RelayError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(told, indent=1))
