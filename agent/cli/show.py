"""`autohealer show ID`: one incident, its last report and where its files are."""

from __future__ import annotations

import json

import click

from agent.cli.incidents import summary
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from tools.incident import IncidentError


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option("--run", "number", type=int, help="Which run (default: the last).")
@click.option("--journal", is_flag=True, help="The run's journal in place of its report.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, incident_id: str, number: int | None, journal: bool, as_json: bool) -> None:
    """Show one incident: the report of its last run, or of the run that is named."""
    store = store_of(settings_of(ctx))
    folder = store.find(incident_id)
    runs = {run.number: run for run in store.runs(folder)}
    if number is not None and number not in runs:
        raise IncidentError(
            f"{incident_id} has no run {number}; it has {', '.join(map(str, runs)) or 'none'}"
        )
    run = runs[number or max(runs)] if runs else None
    if as_json:
        told = {
            **(summary(store, folder) or {}),
            "folder": str(folder.path),
            "run": run.number if run else None,
        }
        told |= {
            "result": run.result() if run else None,
            "journal": run.journal() if run and journal else None,
        }
        click.echo(json.dumps(told, indent=1))
    elif run is None:
        click.echo(
            f"{incident_id} was captured in {folder.path} and not run yet: autohealer heal {incident_id}"
        )
    elif journal:
        for line in run.journal():
            click.echo(json.dumps(line, ensure_ascii=False))
    else:
        report = run.path / "report.md"
        text = (
            report.read_text(encoding="utf-8") if report.exists() else f"run {run.number} was interrupted\n"
        )
        click.echo(text)
        click.echo(f"files: {run.path}")
