"""`autohealer incidents export ID`: a real incident becomes a case that can be run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.case import target_of
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.diagnosis import Category
from agent.past import past_of
from agent.settings import Settings
from evals.export import ExportError
from evals.export import export as export_case
from tools.incident import IncidentFolder

CATEGORIES = [str(name) for name in Category]


@click.command("export")
@click.argument("incident", metavar="ID")
@click.option("--fix", required=True, metavar="COMMIT", help="The merged commit of a person that mended it.")
@click.option(
    "--repo", type=click.Path(path_type=Path, exists=True), help="Repository (default: the incident's)."
)
@click.option(
    "--category", type=click.Choice(CATEGORIES), help="What it was (default: what the last run said)."
)
@click.option("--into", type=click.Path(path_type=Path), default=Path("cases"), show_default=True,
              help="Folder of the cases.")  # fmt: skip
@as_json
@click.pass_context
@tells_errors
def export(ctx: click.Context, incident: str, fix: str, repo: Path | None, category: str | None, into: Path,
           as_json: bool) -> None:  # fmt: skip
    """Make a case of an incident and its merged fix.

    It is redacted once more. ID is an id from `autohealer incidents`, or an incident folder.
    """
    settings = settings_of(ctx, {"repo": str(repo.absolute()) if repo else None})
    folder, said = _found(settings, incident)
    kind = category or said
    if kind is None:
        raise click.UsageError(f"{incident} was not diagnosed yet: say what it was with --category")
    origin = target_of(folder.incident(), settings)
    try:
        made = export_case(folder, origin, fix, Category(kind), into)
    except ExportError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps({"case": str(made), "repo": str(origin)}, indent=1))
        return
    run = f"autohealer eval run --cases {into} --repo {origin}"
    click.echo(f"{made}: read it before you share it; run it with {run}")


def _found(settings: Settings, named: str) -> tuple[IncidentFolder, str | None]:
    """The incident, and the category that its last run said."""
    if Path(named).is_dir():
        return IncidentFolder(Path(named)), None
    store = store_of(settings)
    folder = store.find(named)
    past = past_of(store, folder)
    return folder, past.category if past else None
