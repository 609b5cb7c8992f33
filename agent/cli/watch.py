"""`autohealer watch`: stands beside MarketSwarm until it is told to stop."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from agent.cli.main import Global
from agent.cli.session import as_json, checkout_of, settings_of, store_of, tells_errors
from agent.notify.config import courier_command, is_configured
from agent.settings import Settings, SettingsError
from tools.repository import Repository, RepositoryError


@click.command()
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm checkout.")
@click.option("--once", is_flag=True, help="End after the first heal, with its exit code.")
@click.option("--stdin", is_flag=True, help="Also take service_down events as JSON lines on standard input.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, repo: Path | None, once: bool, stdin: bool, as_json: bool) -> None:
    """See services go down, capture, and heal each in a process of its own.

    SIGTERM ends it and leaves running heals resumable, SIGHUP reads the settings again.
    """
    settings = settings_of(ctx, {"repo": str(repo) if repo else None})
    checkout = checkout_of(settings.repo, "which checkout to watch")
    try:
        Repository(checkout)
    except RepositoryError as error:
        raise SettingsError(f"{error}: name a checkout with a commit, with --repo PATH") from error
    store_of(settings)
    said: dict[str, object] = {"config": _config(settings, ctx.obj), "again": sys.orig_argv}
    said |= {"once": once, "alerts": stdin, "as_json": as_json, "pager": _pager(settings, ctx.obj)}
    # The watch runs for months: what was imported to get here is not kept.
    os.execv(sys.executable, [sys.executable, "-m", "agent.watch", json.dumps(said)])


def _pager(settings: Settings, said: Global) -> tuple[str, ...] | None:
    """The command that tells people; it reads the settings itself, since they hold secrets."""
    if not is_configured(settings.notify):
        return None
    config = ("--config", str(said.config.absolute())) if said.config else ("--from-settings",)
    return courier_command(settings.state_folder(), *config)


def _config(settings: Settings, said: Global) -> dict[str, object]:
    """The fields of `agent.watch.WatchConfig`; heals get the settings that the watch was given."""
    assert settings.repo is not None
    config = ["--config", str(said.config.absolute())] if said.config else []
    state = ["--state", str(settings.state_folder())]
    repo = str(settings.repo.expanduser().absolute())
    return {
        "root": repo,
        "state": str(settings.state_folder()),
        "system_redis_url": settings.system_redis_url,
        "heal": [sys.executable, "-m", "agent.cli", *config, *state, "heal", "--repo", repo],
        **settings.watch.model_dump(mode="json"),
    }
