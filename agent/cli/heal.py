"""`autohealer heal`: one incident, by id, by folder, or captured now from a service that is down."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from agent.cli.ending import tells_its_end
from agent.cli.session import as_json, checkout_of, settings_of, store_of, tells_errors
from agent.cli.stream import unfailing
from agent.events import Event
from agent.heal import Plan, StopAfter, heal
from agent.models import models_for, recorded
from agent.result import HealResult
from agent.settings import Settings, SettingsError
from agent.store import Store
from tools.capture import capture_now
from tools.incident import IncidentError, IncidentFolder
from tools.repository import Repository, RepositoryError


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
    folder, settings = find_incident(store, settings, said["incident"], said["service"], said["commit"])
    with (
        tells_its_end(store, folder, as_json=as_json),
        recorded(settings),
        models_for(settings, by_name=bool(said["models"])) as choose_model,
    ):
        plan = Plan(choose_model, stop_after, said["always_ask"])
        result = healed(folder, store, settings, plan, quiet=as_json)
    if as_json:
        out = unfailing(sys.stdout)
        out.write(f"{result.model_dump_json(indent=1)}\n")
        out.flush()
    sys.exit(int(result.exit_code))


def find_incident(
    store: Store, settings: Settings, named: str | None, service: str | None, commit: str | None
) -> tuple[IncidentFolder, Settings]:
    """The incident in the store, found by id, imported or captured now; and the settings with its repository.

    What a run cannot start with is told here, so that it does not become the incident's last run.
    """
    if service:
        settings = settings.model_copy(update={"repo": _checkout(settings.repo, service)})
        folder = capture_now(
            service, _checkout(settings.repo, service), store.root, settings.system_redis_url
        )
    elif Path(str(named)).is_dir():
        folder = store.add(IncidentFolder(Path(str(named))))
    else:
        folder = store.find(str(named))
    incident = folder.incident()
    target = repository_of(store, folder, settings)
    try:
        found = Repository(target, commit or incident.commit).commit
    except RepositoryError as error:
        raise IncidentError(f"{error}; name the repository and commit with --repo and --commit") from error
    if commit:
        store.write_incident(incident.model_copy(update={"commit": found}))
    return folder, settings.model_copy(update={"repo": target})


def _checkout(repo: Path | None, service: str) -> Path:
    return checkout_of(repo, f"which checkout {service} runs from")


def repository_of(store: Store, folder: IncidentFolder, settings: Settings) -> Path:
    """The repository to heal in: the settings', else that of the last run, else the incident's own.

    Raises:
        SettingsError: none is named, or the one that is named does not exist.
    """
    if settings.repo is not None:
        named = settings.repo
    else:
        known = [*_healed_in(store, folder), folder.incident().repo or ""]
        there = [Path(path) for path in known if path]
        if not there:
            raise SettingsError("the incident names no repository: say which with --repo PATH")
        named = next((path for path in there if path.exists()), there[0])
    target = named.expanduser().absolute()
    if not target.exists():
        raise SettingsError(f"{target} does not exist: name the MarketSwarm repository with --repo PATH")
    return target


def _healed_in(store: Store, folder: IncidentFolder) -> list[str]:
    """The repositories of its runs, the last one first."""
    runs = reversed(store.runs(folder))
    started = (entry for run in runs for entry in run.journal() if entry.get("event") == "Started")
    return [str(entry.get("repo") or "") for entry in started]


def healed(
    folder: IncidentFolder, store: Store, settings: Settings, plan: Plan, *, quiet: bool
) -> HealResult:
    """Run the heal, with its steps in the terminal unless `quiet`."""
    if quiet:
        return heal(folder, store, settings, plan, _silent)
    from rich.console import Console

    from agent.terminal import Terminal, show_result

    # A reader that goes away must not end the heal.
    console = Console(file=unfailing(sys.stdout))
    terminal = Terminal(console)
    try:
        result = heal(folder, store, settings, plan, terminal)
    finally:
        terminal.close()
    show_result(console, result)
    return result


def _silent(event: Event) -> None:
    """`--json` tells the result only; the events are in the journal."""
