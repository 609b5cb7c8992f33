"""`autohealer incidents`: what happened and what became of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.cli.since import SINCE
from agent.past import Past, past_of, pasts
from agent.store import Store
from tools.incident import IncidentError, IncidentFolder


@click.command()
@click.option("--service", help="Only this service's.")
@click.option("--outcome", help="Only those whose last run ended so, for example branch or not_fixable.")
@click.option("--category", help="Only those of this kind of fault, for example bad_data.")
@click.option("--since", type=SINCE, help="Only those since then: 24h, 7d, 2026-11-01.")
@click.option("--until", type=SINCE, help="Only those before then.")
@click.option(
    "--branch/--no-branch", "with_branch", default=None, help="Only those with a branch, or those without."
)
@click.option("--search", help="Only those with this text in id, summary or branch.")
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="At most so many, newest first.",
)
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, /, limit: int, as_json: bool, **wanted: Any) -> None:
    """List the incidents, newest first, with the outcome of their last run."""
    store = store_of(settings_of(ctx))
    all_of_them = pasts(store)
    found = [row_of(past) for past in all_of_them if _is_wanted(past, **wanted)][:limit]
    broken = [] if any(said is not None for said in wanted.values()) else _broken(store)
    found += broken[: limit - len(found)]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    elif not found and all_of_them:
        click.echo(f"none of the {len(all_of_them)} incidents is so; `autohealer incidents` lists them")
    elif not found:
        click.echo("no incidents; `autohealer heal --service NAME --repo PATH` captures one by hand")
    else:
        _table(found)


def _is_wanted(
    past: Past,
    service: str | None,
    outcome: str | None,
    category: str | None,
    since: datetime | None,
    until: datetime | None,
    with_branch: bool | None,
    search: str | None,
) -> bool:
    text = f"{past.incident.id} {past.last.get('summary')} {past.branch or ''}".lower()
    return (
        service in (None, past.incident.service)
        and outcome in (None, past.outcome)
        and category in (None, past.category)
        and (since is None or past.at >= since)
        and (until is None or past.at < until)
        and with_branch in (None, past.branch is not None)
        and (search is None or search.lower() in text)
    )


def summary(store: Store, folder: IncidentFolder) -> dict[str, Any] | None:
    """One incident in a row; None for a folder that is no incident any more."""
    past = past_of(store, folder)
    return row_of(past) if past else None


def row_of(past: Past) -> dict[str, Any]:
    """One incident in a row. `cost_usd` is that of all its runs, as far as prices were known."""
    incident, no = past.incident, past.declined
    return {
        "id": incident.id,
        "service": incident.service,
        "commit": incident.commit,
        "detected_at": incident.detected_at.isoformat() if incident.detected_at else None,
        "runs": past.runs,
        "outcome": past.outcome,
        "category": past.category,
        "branch": past.branch,
        "declined": f"declined on {no.at:%Y-%m-%d}: {no.reason}" if no else None,
        "summary": past.last.get("summary"),
        "cost_usd": past.cost_usd,
    }


def _broken(store: Store) -> list[dict[str, Any]]:
    """The folders whose incident.json cannot be read, in rows."""
    rows = []
    for folder in store.incidents():
        try:
            folder.incident()
        except (IncidentError, OSError) as error:
            told = dict.fromkeys(("service", "commit", "detected_at", "category", "branch", "declined"))
            rows.append(
                {"id": folder.path.name, **told, "runs": len(store.runs(folder)), "outcome": "unreadable"}
                | {"summary": str(error), "cost_usd": 0.0}
            )
    return rows


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("incident", "service", "runs", "outcome", "branch or reason"):
        table.add_column(name, overflow="fold")
    for row in rows:
        told = row["declined"] or row["branch"] or (row["summary"] or "").split("\n")[0][:90]
        table.add_row(
            escape(row["id"]), row["service"] or "?", str(row["runs"]), row["outcome"], escape(told)
        )
    Console().print(table)
