"""`autohealer health`: the platform's health now, or live."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.session import as_json, checkout_of, settings_of, tells_errors
from tools.capture import find_site
from tools.health import Health, HealthCollector

if TYPE_CHECKING:
    from rich.table import Table

COLOURS = {
    "healthy": "green",
    "degraded": "yellow",
    "dead": "red",
    "running_no_heartbeat": "yellow",
    "unknown": "dim",
}


@click.command()
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm checkout.")
@click.option("--live", is_flag=True, help="Look again every second until interrupted.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, repo: Path | None, live: bool, as_json: bool) -> None:
    """Show heartbeats, processes, Redis buses, MySQL and HTTP; within two seconds, whatever hangs."""
    settings = settings_of(ctx, {"repo": str(repo) if repo else None})
    site = find_site(checkout_of(settings.repo, "which checkout to look at"), settings.system_redis_url)
    collector = HealthCollector(site.root, site.truth, site.buses)
    try:
        if as_json:
            click.echo(json.dumps(collector.collect().document(), indent=1))
        else:
            _show(collector, live=live)
    finally:
        collector.close()


def _show(collector: HealthCollector, *, live: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if not live:
        console.print(_table(collector.collect()))
        return
    with Live(_table(collector.collect()), console=console) as screen:
        while True:
            time.sleep(1.0)
            screen.update(_table(collector.collect()))


def _table(health: Health) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, caption=f"score {health.score}", caption_justify="left")
    for name in ("part", "state", "detail"):
        table.add_column(name, overflow="fold")
    for name, bus in health.redis.items():
        status = {True: "healthy", False: "dead", None: "unknown"}[bus.alive]
        memory = f"{bus.used_memory_mb} MiB, {bus.total_keys} keys" if bus.alive else bus.error or "no answer"
        table.add_row(escape(name), _coloured(status), escape(memory))
    for name, service in health.services.items():
        beat, process = service.beat, service.process
        age = "no heartbeat" if not beat.present else f"beat {beat.age or 0:.1f} s ago"
        table.add_row(
            escape(name), _coloured(service.status), f"{age}, process {process.fate} {process.pid or ''}"
        )
    for name, http in health.http.items():
        status = {True: "healthy", False: "degraded", None: "unknown"}[http.healthy]
        table.add_row(
            f"{escape(name)} http", _coloured(status), escape(http.error or f"status {http.status_code}")
        )
    if health.mysql is not None:
        status = {True: "healthy", False: "dead", None: "unknown"}[health.mysql.alive]
        table.add_row(
            "mysql", _coloured(status), escape(health.mysql.error or f"version {health.mysql.version}")
        )
    return table


def _coloured(status: str) -> str:
    return f"[{COLOURS[status]}]{status}[/]"
