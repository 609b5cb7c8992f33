"""What every command starts with: settings, store, and how errors become exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click

from agent.cli.main import Global
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


def tells_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors a user can act on into one line and their exit code; the rest is a crash of ours."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except tuple(EXITS) as error:
            code = next(code for kind, code in EXITS.items() if isinstance(error, kind))
            tell_error(str(error), code, as_json=bool(kwargs.get("as_json")))
        except KeyboardInterrupt:
            tell_error(
                "interrupted; the run's folder holds what was found",
                Exit.INTERRUPTED,
                as_json=bool(kwargs.get("as_json")),
            )
        raise AssertionError("tell_error exits")

    return told


def tell_error(message: str, code: Exit, *, as_json: bool) -> None:
    """One line on standard error, or a JSON object on standard output, then the exit."""
    if as_json:
        click.echo(json.dumps({"error": message, "exit_code": int(code)}))
    else:
        click.echo(f"autohealer: {message}", err=True)
    sys.exit(int(code))
