"""`autohealer show ID`: one incident, its last report and where its files are."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from agent.cleaning import cleaned, outward_of
from agent.cli.incidents import summary
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.publish.markdown import visible
from agent.report.again import tell_again
from agent.report.unfinished import SoFar, other_branches, told_unfinished
from agent.settings import Settings
from agent.store import Busy, Run, Store
from tools.incident import IncidentError, IncidentFolder


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option("--run", "number", type=int, help="Which run (default: the last).")
@click.option("--journal", is_flag=True, help="The run's journal in place of its report.")
@click.option("--postmortem", is_flag=True, help="The skeleton of a post-mortem, as Markdown.")
@as_json
@click.pass_context
@tells_errors
def command(
    ctx: click.Context, incident_id: str, number: int | None, journal: bool, postmortem: bool, as_json: bool
) -> None:
    """Show one incident: the report of its last run, or of the run that is named."""
    settings = settings_of(ctx)
    store = store_of(settings)
    folder = store.find(incident_id)
    run = _run(store, folder, number)
    if run is not None:
        tell_again(run, settings)
    if as_json:
        told = {
            **(summary(store, folder) or {}),
            "folder": str(folder.path),
            "run": run.number if run else None,
            "result": run.result() if run else None,
            "report": _text(folder, run),
            "so_far": asdict(SoFar.of(run, outward_of(settings))) if run and run.result() is None else None,
            "other_branches": other_branches(store.runs(folder), run) if run else [],
            "journal": cleaned(run.journal(), outward_of(settings)) if run and journal else None,
            "postmortem": _postmortem(settings, folder, run) if postmortem else None,
        }
        click.echo(json.dumps(told, indent=1))
    elif postmortem:
        click.echo(visible(_postmortem(settings, folder, run)), nl=False)
    elif run is None:
        _unrun(folder)
    elif journal:
        # What the model wrote is in it as it wrote it.
        for line in cleaned(run.journal(), outward_of(settings)):
            text = json.dumps(line, ensure_ascii=False)
            click.echo(text if text.isprintable() else json.dumps(line))
    else:
        _report(store, settings, folder, run)


def _run(store: Store, folder: IncidentFolder, number: int | None) -> Run | None:
    runs = {run.number: run for run in store.runs(folder)}
    if number is not None and number not in runs:
        raise IncidentError(
            f"{folder.path.name} has no run {number}; it has {', '.join(map(str, runs)) or 'none'}"
        )
    return runs[number or max(runs)] if runs else None


def _text(folder: IncidentFolder, run: Run | None) -> str | None:
    """The report of a run; without one that of the incident, which the watch writes for an outage."""
    report = (run.path if run else folder.path) / "report.md"
    return report.read_text(encoding="utf-8") if report.is_file() else None


def _unrun(folder: IncidentFolder) -> None:
    text = _text(folder, None)
    if text is None:
        name = folder.path.name
        click.echo(f"{name} was captured in {folder.path} and not run yet: autohealer heal {name}")
        return
    click.echo(visible(text))
    click.echo(f"files: {folder.path}")


def _report(store: Store, settings: Settings, folder: IncidentFolder, run: Run) -> None:
    text = _text(folder, run)
    if text is None:
        so_far, busy = SoFar.of(run, outward_of(settings)), _is_busy(store, folder.incident().service)
        text = told_unfinished(run, folder.path.name, so_far, busy=busy)
    click.echo(visible(text))
    for line in other_branches(store.runs(folder), run):
        click.echo(visible(line))
    page = run.path / "report.html"
    if page.exists():
        click.echo(f"page: {page}")
    click.echo(f"files: {run.path}")


def _is_busy(store: Store, service: str) -> bool:
    try:
        with store.hold(service):
            return False
    except Busy:
        return True


def _postmortem(settings: Settings, folder: IncidentFolder, run: Run | None) -> str:
    from pydantic import ValidationError

    from agent.report.postmortem import render_outage, render_postmortem
    from agent.result import HealResult

    clean = outward_of(settings)
    if run is None and folder.incident().trigger == "redis_down":
        return render_outage(folder, clean)
    try:
        result = HealResult.model_validate(run.result()) if run else None
    except ValidationError:
        result = None
    if run is None or result is None:
        raise IncidentError(
            f"{folder.path.name} has no finished run to tell of: autohealer heal {folder.path.name}"
        )
    return render_postmortem(folder, run, result, clean)
