"""`autohealer init`: a settings file with every setting explained."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.session import as_json, tell_error, tells_errors
from agent.exit import Exit
from agent.settings import CONFIG_NAME
from agent.texts import fill_template, template

EXAMPLE = '# repo = "/path/to/MarketSwarm"  # an example'
SERVICES = {
    "systemd": ("autohealer.service", "systemctl --user enable --now {}"),
    "launchd": ("autohealer.plist", "launchctl bootstrap gui/$(id -u) {}"),
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm checkout to name in it.")
@click.option(
    "--service", "kind", type=click.Choice(list(SERVICES)), help="Also write a unit that runs the watch."
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@as_json
@tells_errors
def command(folder: Path, repo: Path | None, kind: str | None, force: bool, as_json: bool) -> None:
    """Write a commented autohealer.toml into FOLDER, and a unit for the watch where one is asked for."""
    texts = {CONFIG_NAME: _settings(repo)}
    said = "check it with `autohealer doctor`"
    if kind is not None:
        name, command_line = SERVICES[kind]
        texts[name] = _unit(name, folder.absolute())
        said = f"start it with `{command_line.format(folder.absolute() / name)}`"
    there = [name for name in texts if (folder / name).exists()]
    if there and not force:
        tell_error(f"{folder / there[0]} exists; --force overwrites it", Exit.ERROR, as_json=as_json)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    written = [str(folder / name) for name in texts]
    click.echo(json.dumps({"written": written}) if as_json else f"wrote {' and '.join(written)}; {said}")


def _settings(repo: Path | None) -> str:
    text = template(CONFIG_NAME)
    if repo is None:
        return text
    return text.replace(EXAMPLE, f"repo = {json.dumps(str(repo.absolute()))}")


def _unit(name: str, folder: Path) -> str:
    return fill_template(name, python=sys.executable, config=folder / CONFIG_NAME, folder=folder)
