"""`autohealer stats`: what was done over a time, and what it cost."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from agent.cleaning import outward_of
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.cli.since import SINCE
from agent.past import pasts
from agent.report.stats_page import render_stats, told_money, told_spread
from agent.stats import Stats, stats_of


@click.command()
@click.option("--repo", type=click.Path(path_type=Path), help="Where to look what became of the branches.")
@click.option("--service", help="Only this service's.")
@click.option("--since", type=SINCE, help="Only incidents since then: 24h, 30d, 2026-11-01.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with plots."
)
@as_json
@click.pass_context
@tells_errors
def command(
    ctx: click.Context,
    repo: Path | None,
    service: str | None,
    since: datetime | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Count incidents, verdicts, branches and what became of them; times and cost.

    Times are from the start of a run to its first diagnosis, and to its branch.
    """
    settings = settings_of(ctx, {"repo": str(repo) if repo else None})
    found = [
        past
        for past in pasts(store_of(settings))
        if service in (None, past.incident.service) and (since is None or past.at >= since)
    ]
    stats = stats_of(found, settings.repo.expanduser() if settings.repo else None)
    if page:
        page.write_text(render_stats(stats, _over(service, since), outward_of(settings)), encoding="utf-8")
    if as_json:
        click.echo(json.dumps({**stats.record(), "html": str(page) if page else None}, indent=1))
        return
    _tell(stats)
    if page:
        click.echo(f"\nwrote {page}")


def _over(service: str | None, since: datetime | None) -> str:
    told = f"the incidents of {service}" if service else "all incidents"
    return f"{told} since {since:%Y-%m-%d %H:%M}" if since else told


def _tell(stats: Stats) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    merged = f"{stats.merged} merged, {stats.open} open, {stats.declined} taken away unmerged"
    if stats.unknown:
        merged += f", {stats.unknown} not looked up: --repo"
    again = f"{stats.recurred} with a fault seen before, {stats.after_merge} of them after a merge"
    rows = (
        ("incidents", f"{stats.incidents} ({stats.runs} runs)"),
        ("verdicts", _listed(stats.outcomes)),
        ("kinds", _listed(stats.categories)),
        ("branches", f"{stats.branches}: {merged}"),
        ("recurred", again),
        ("to diagnosis", told_spread(stats.to_diagnosis)),
        ("to branch", told_spread(stats.to_branch)),
        ("cost", told_money(stats.total)),
    )
    for name, told in rows:
        table.add_row(name, escape(told))
    for title, shares in (("service", stats.by_service), ("model", stats.by_model)):
        for name, share in shares.items():
            told = f"{told_money(share)}; {share.incidents} incidents, {share.input_tokens} tokens in"
            table.add_row(title, f"{escape(name)}: {escape(told)}")
    console.print(table)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
