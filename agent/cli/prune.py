"""`autohealer prune`: keeps the state folder bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.past import pasts
from agent.prune import Bounds, Decision, decide, remove, sweep
from agent.store import StateError, Store


@click.command()
@click.option("--older-than", "days", default=90, show_default=True, type=click.IntRange(min=1), help="Days.")
@click.option(
    "--keep", default=500, show_default=True, type=click.IntRange(min=0), help="At most so many stay."
)
@click.option("--repo", type=click.Path(path_type=Path), help="Where to look what became of the branches.")
@click.option("--force", is_flag=True, help="Also those whose branch is open (the branch itself stays).")
@click.option("--yes", is_flag=True, help="Do it. Without this, what would go is only shown.")
@as_json
@click.pass_context
@tells_errors
def command(
    ctx: click.Context, days: int, keep: int, repo: Path | None, force: bool, yes: bool, as_json: bool
) -> None:
    """Remove incidents that are old or too many, with their runs and reports.

    Kept in any case: what is being healed, what happened within a day, and for thirty days a fault
    whose branch was taken away. Without --force also what has an open branch.
    """
    settings = settings_of(ctx, {"repo": str(repo) if repo else None})
    store = store_of(settings)
    target = settings.repo.expanduser() if settings.repo else None
    bounds = Bounds(timedelta(days=days), keep)
    decisions = decide(pasts(store), bounds, datetime.now(UTC), target, force=force)
    told = [_done(store, decision, yes) for decision in decisions]
    if yes:
        sweep(store)
    if as_json:
        click.echo(json.dumps({"done": yes, "incidents": told}, indent=1))
    else:
        _tell(told, yes)


def _done(store: Store, decision: Decision, yes: bool) -> dict[str, Any]:
    kept = decision.kept
    if yes and kept is None:
        try:
            kept = remove(store, decision)
        except OSError as error:
            raise StateError(f"{decision.past.folder.path} cannot be removed: {error.strerror}") from error
    return {
        "id": decision.past.incident.id,
        "at": decision.past.at.isoformat(),
        "outcome": decision.past.outcome,
        "bytes": decision.size,
        "why": decision.why,
        "kept": kept,
    }


def _tell(rows: list[dict[str, Any]], yes: bool) -> None:
    for row in rows:
        mark = f"kept, {row['kept']}" if row["kept"] else ("removed" if yes else "would go")
        click.echo(f"{row['id']}  {row['at'][:10]}  {row['outcome']}  {row['why']}: {mark}")
    going = [row for row in rows if not row["kept"]]
    size = sum(row["bytes"] for row in going) / 2**20
    done = "removed" if yes else "would be removed; --yes does it"
    click.echo(f"{len(going)} incident{'s' * (len(going) != 1)}, {size:.1f} MiB {done}")
