"""`autohealer incidents`: what happened and what became of it."""

from __future__ import annotations

import json
from typing import Any

import click

from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.store import Store
from tools.incident import IncidentError, IncidentFolder


@click.command()
@click.option("--service", help="Only this service's.")
@click.option("--outcome", help="Only those whose last run ended so, for example branch or not_fixable.")
@click.option("--limit", default=20, show_default=True, help="At most so many, newest first.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, service: str | None, outcome: str | None, limit: int, as_json: bool) -> None:
    """List the incidents, newest first, with the outcome of their last run."""
    store = store_of(settings_of(ctx))
    rows = [row for folder in store.incidents() if (row := summary(store, folder))]
    rows = [row for row in rows if service in (None, row["service"]) and outcome in (None, row["outcome"])][
        :limit
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    elif not rows:
        click.echo("no incidents; `autohealer heal --service NAME --repo PATH` captures one by hand")
    else:
        _table(rows)


def summary(store: Store, folder: IncidentFolder) -> dict[str, Any] | None:
    """One incident in a row; None for a folder that is no incident any more."""
    try:
        incident = folder.incident()
    except IncidentError:
        return None
    runs = store.runs(folder)
    last = runs[-1].result() if runs else None
    return {
        "id": incident.id,
        "service": incident.service,
        "commit": incident.commit,
        "detected_at": incident.detected_at.isoformat() if incident.detected_at else None,
        "runs": len(runs),
        "outcome": last["outcome"] if last else ("interrupted" if runs else "captured"),
        "branch": last["branch"] if last else None,
        "summary": last["summary"] if last else None,
        "cost_usd": last["cost_usd"] if last else None,
    }


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("incident", "service", "runs", "outcome", "branch or reason"):
        table.add_column(name, overflow="fold")
    for row in rows:
        told = row["branch"] or (row["summary"] or "").split("\n")[0][:90]
        table.add_row(escape(row["id"]), row["service"], str(row["runs"]), row["outcome"], escape(told))
    Console().print(table)
