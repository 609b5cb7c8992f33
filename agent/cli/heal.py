"""`autohealer heal`: one incident, by id, by folder, or captured now from a service that is down."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from agent.case import target_of
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.events import Event
from agent.heal import Plan, StopAfter, heal
from agent.models import models_for, recorded
from agent.result import HealResult
from agent.settings import Settings, SettingsError
from agent.store import Store
from tools.capture import capture_now
from tools.incident import IncidentFolder
from tools.repository import Repository


@click.command()
@click.argument("incident", required=False)
@click.option("--service", help="Capture this service now and heal it (in place of INCIDENT).")
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm repository.")
@click.option("--commit", help="The commit to heal on (default: the incident's).")
@click.option("--model", "models", multiple=True, help="Ask this model; several in order of preference.")
@click.option("--cassette", type=click.Path(path_type=Path), help="Answer from a recorded model run.")
@click.option("--record", type=click.Path(path_type=Path), help="Record the model's answers into this file.")
@click.option("--answered-by", default="", help="For --record: what really answers, in words.")
@click.option(
    "--stop-after",
    type=click.Choice(["diagnose", "patch", "prove", "branch"]),
    default="branch",
    show_default=True,
)
@click.option("--dry-run", is_flag=True, help="Do everything but make the branch (as --stop-after prove).")
@click.option("--max-cost", type=float, help="US dollars for this run.")
@click.option("--max-steps", type=int, help="Model requests for this run.")
@click.option("--always-ask", is_flag=True, help="Ask the model also where the rules are sure.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, /, as_json: bool, **said: Any) -> None:
    """Diagnose one crash and, where the fault is the service's own, make a proven branch.

    INCIDENT is an id from `autohealer incidents` or an incident folder.
    """
    if bool(said["incident"]) == bool(said["service"]):
        raise click.UsageError("name an INCIDENT or a --service, one of the two")
    overrides = {
        "repo": str(said["repo"].absolute()) if said["repo"] else None,
        "models": said["models"] or None,
        "cassette": str(said["cassette"]) if said["cassette"] else None,
        "record": str(said["record"]) if said["record"] else None,
        "answered_by": said["answered_by"] or None,
        "limits": {"cost_usd": said["max_cost"], "steps": said["max_steps"]},
    }
    settings = settings_of(ctx, overrides)
    store = store_of(settings)
    stop_after: StopAfter = (
        "prove" if said["dry_run"] and said["stop_after"] == "branch" else said["stop_after"]
    )
    folder = find_incident(store, settings, said["incident"], said["service"], said["commit"])
    with recorded(settings), models_for(settings, by_name=bool(said["models"])) as choose_model:
        plan = Plan(choose_model, stop_after, said["always_ask"])
        result = healed(folder, store, settings, plan, quiet=as_json)
    if as_json:
        click.echo(result.model_dump_json(indent=1))
    sys.exit(int(result.exit_code))


def find_incident(
    store: Store, settings: Settings, named: str | None, service: str | None, commit: str | None
) -> IncidentFolder:
    """The incident in the store: found by id, imported from a folder, or captured now."""
    if service:
        if settings.repo is None:
            raise SettingsError("say which checkout the service runs from with --repo PATH")
        folder = capture_now(service, settings.repo, store.root, settings.system_redis_url)
    elif Path(str(named)).is_dir():
        folder = store.add(IncidentFolder(Path(str(named))))
    else:
        folder = store.find(str(named))
    if commit:
        incident = folder.incident()
        found = Repository(target_of(incident, settings), commit).commit
        store.write_incident(incident.model_copy(update={"commit": found}))
    return folder


def healed(
    folder: IncidentFolder, store: Store, settings: Settings, plan: Plan, *, quiet: bool
) -> HealResult:
    """Run the heal, with its steps in the terminal unless `quiet`."""
    if quiet:
        return heal(folder, store, settings, plan, _silent)
    from rich.console import Console

    from agent.terminal import Terminal, show_result

    console = Console()
    terminal = Terminal(console)
    try:
        result = heal(folder, store, settings, plan, terminal)
    finally:
        terminal.close()
    show_result(console, result)
    return result


def _silent(event: Event) -> None:
    """`--json` tells the result only; the events are in the journal."""
