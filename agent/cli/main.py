"""The group of commands. Nothing heavy is imported to show help."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.stream import replace_unknown, tell_error, told_of
from agent.exit import Exit
from agent.late import imported

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS = {
    "heal": "Diagnose one crash and, where the fault is the service's own, make a proven branch.",
    "watch": "Stand beside MarketSwarm and heal a service when it goes down.",
    "incidents": "List the incidents and what became of them.",
    "show": "Show one incident: its report, its journal, a post-mortem.",
    "stats": "Count what was done over a time, and what it cost.",
    "serve": "Serve a live page, and what MarketSwarm's admin page reads.",
    "health": "Show the health of the platform now.",
    "verify": "Judge a person's diff by the same gate and proof.",
    "publish": "Push and propose the branch of an ended run.",
    "prune": "Remove incidents that are old or too many.",
    "doctor": "Say what is missing on this machine, and how to get it.",
    "init": "Write a commented autohealer.toml.",
}

ENTRY_POINTS = "autohealer.commands"
"""Entry points of this group are commands, too: `NAME`, or `GROUP.NAME` for one below another command.

So the layers above this one bring their commands, and this one imports none of them.
"""


@dataclass(frozen=True, slots=True)
class Global:
    """What was said before the command: the settings file and the values that override it."""

    config: Path | None
    overrides: dict[str, Any]


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` is quick.

    `lazy` has a line of help for each command, `place` says where one is: "module:attribute".
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, str], place: Callable[[str], str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self.place = place

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer needs them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.place(cmd_name).partition(":")
        command: click.Command = getattr(imported(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(self.lines_of_help(ctx))

    def lines_of_help(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Each command with its line of help."""
        return list(self.lazy.items())


class OpenGroup(LazyGroup):
    """A lazy group to which entry points add commands.

    They are looked up where a name is not known otherwise, where help is shown, and where a command may
    have others below it: reading them takes as long as the rest of `--help`.
    """

    extensible = frozenset({"incidents"})

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run it as click does, but tell what a user or the machine did wrong in one line or in JSON.

        Ctrl-C ends with 130. A reader that went away is click's, which ends silently.
        """
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        replace_unknown()
        as_json = "--json" in (sys.argv[1:] if args is None else args)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            tell_error("interrupted", Exit.INTERRUPTED, as_json=as_json)
        except click.ClickException as error:
            code = error.exit_code
            if as_json:
                tell_error(error.format_message(), code, as_json=True)
            error.show()
        except (OSError, UnicodeError) as error:
            tell_error(told_of(error), Exit.ERROR, as_json=as_json)
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our own ones first."""
        return [*super().list_commands(ctx), *(name for name in self._points if "." not in name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, ours or an entry point's."""
        command = super().get_command(ctx, cmd_name)
        if command is None:
            added: click.Command | None = self._points[cmd_name].load() if cmd_name in self._points else None
            return added
        if cmd_name in self.extensible:
            return _with_commands(command, self._below(cmd_name))
        return command

    def lines_of_help(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Ours without importing them; what entry points name must be light enough to be imported."""
        others = [name for name in self.list_commands(ctx) if name not in self.lazy]
        found = [(name, self.get_command(ctx, name)) for name in others]
        told = [(name, command.get_short_help_str(limit=100)) for name, command in found if command]
        return [*super().lines_of_help(ctx), *told]

    def _below(self, name: str) -> Iterable[click.Command]:
        return [point.load() for key, point in self._points.items() if key.startswith(f"{name}.")]

    @cached_property
    def _points(self) -> Mapping[str, EntryPoint]:
        from importlib.metadata import PackageNotFoundError, distribution

        try:
            points = distribution("autohealer").entry_points.select(group=ENTRY_POINTS)
        except PackageNotFoundError:
            return {}
        return {point.name: point for point in sorted(points, key=lambda point: point.name)}


def _with_commands(command: click.Command, below: Iterable[click.Command]) -> click.Group:
    """The same command, with others below it; by itself it does what it did."""

    def alone(**said: Any) -> None:
        if click.get_current_context().invoked_subcommand is None and command.callback is not None:
            command.callback(**said)

    return click.Group(
        command.name,
        commands=list(below),
        params=command.params,
        callback=alone,
        help=command.help,
        invoke_without_command=True,
    )


@click.group(
    cls=OpenGroup,
    lazy=COMMANDS,
    place=lambda name: f"agent.cli.{name}:command",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (default: ./autohealer.toml).")
@click.option("--state", type=click.Path(path_type=Path), help="Folder for incidents and runs.")
@click.version_option(package_name="autohealer")
@click.pass_context
def main(ctx: click.Context, config: Path | None, state: Path | None) -> None:
    """Says why a MarketSwarm service died and hands over a branch with a proven patch."""
    ctx.obj = Global(config, {"state": str(state) if state else None})
