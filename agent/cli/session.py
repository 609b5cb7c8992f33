"""What every command starts with: settings, store, and how errors become exit codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from agent.cli.main import Global
from agent.cli.stream import tell_error as tell_error
from agent.exit import Exit
from agent.model.cassette import CassetteError, CassetteMiss
from agent.publish import NothingToPublish
from agent.settings import Settings, SettingsError, load
from agent.store import Busy, StateError, Store
from sandbox.git import GitError
from sandbox.scope import Refused
from tools.incident import IncidentError
from tools.repository import RepositoryError

P = ParamSpec("P")
R = TypeVar("R")

EXITS: dict[type[Exception], Exit] = {
    SettingsError: Exit.USAGE,
    IncidentError: Exit.ERROR,
    RepositoryError: Exit.ERROR,
    GitError: Exit.ERROR,
    CassetteError: Exit.ERROR,
    CassetteMiss: Exit.ERROR,
    StateError: Exit.ERROR,
    NothingToPublish: Exit.ERROR,
    Busy: Exit.BUSY,
    Refused: Exit.REFUSED,
}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")


def settings_of(ctx: click.Context, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings with what was said on the command line on top."""
    said: Global = ctx.obj
    return load(said.config, {**said.overrides, **(overrides or {})})


def store_of(settings: Settings) -> Store:
    """The store, ready for writing."""
    store = Store(settings.state_folder())
    store.prepare()
    return store


def checkout_of(repo: Path | None, what: str = "which MarketSwarm checkout is meant") -> Path:
    """The checkout that was named; `what` is what has to be said where none was.

    Raises:
        SettingsError: none was named, it is not there, or it is no MarketSwarm checkout.
    """
    if repo is None:
        raise SettingsError(f"say {what} with --repo PATH")
    found = repo.expanduser().absolute()
    if not found.is_dir():
        raise SettingsError(f"{found} does not exist: name the MarketSwarm checkout with --repo PATH")
    if not is_checkout(found):
        raise SettingsError(
            f"{found} is no MarketSwarm checkout, it has no services/: name it with --repo PATH"
        )
    return found


def is_checkout(folder: Path) -> bool:
    """Whether a folder looks like MarketSwarm."""
    return (folder / "services").is_dir()


def tells_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors a user can act on into one line and their exit code; the rest is a crash of ours."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        as_json = bool(kwargs.get("as_json"))
        try:
            return command(*args, **kwargs)
        except tuple(EXITS) as error:
            code = next(code for kind, code in EXITS.items() if isinstance(error, kind))
            tell_error(str(error), code, as_json=as_json)
        except KeyboardInterrupt:
            tell_error("interrupted", Exit.INTERRUPTED, as_json=as_json)

    return told
