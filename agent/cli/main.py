"""The group of commands. Nothing heavy is imported to show help."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

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


@dataclass(frozen=True, slots=True)
class Global:
    """What was said before the command: the settings file and the values that override it."""

    config: Path | None
    overrides: dict[str, Any]


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The module `agent.cli.<name>` holds a click command `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"agent.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (default: ./autohealer.toml).")
@click.option("--state", type=click.Path(path_type=Path), help="Folder for incidents and runs.")
@click.version_option(package_name="autohealer")
@click.pass_context
def main(ctx: click.Context, config: Path | None, state: Path | None) -> None:
    """Says why a MarketSwarm service died and hands over a branch with a proven patch."""
    ctx.obj = Global(config, {"state": str(state) if state else None})
