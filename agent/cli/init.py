"""`autohealer init`: a settings file with every setting explained."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import click

from agent.cli.session import as_json, checkout_of, is_checkout, tells_errors
from agent.cli.stream import tell_error
from agent.exit import Exit
from agent.settings import CONFIG_NAME
from agent.sources import from_file
from agent.texts import fill_template, template

EXAMPLE = '# repo = "/path/to/MarketSwarm"  # an example'
SERVICES = {
    "systemd": ("autohealer.service", "systemctl --user enable --now {}"),
    "launchd": ("autohealer.plist", "launchctl bootstrap gui/$(id -u) {}"),
}
NO_REPOSITORY = "no repository is named in it: set repo before the watch is started"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm checkout to name in it.")
@click.option(
    "--service", "kind", type=click.Choice(list(SERVICES)), help="Also write a unit that runs the watch."
)
@click.option("--force", is_flag=True, help="Overwrite files that are there; with --service the unit alone.")
@as_json
@tells_errors
def command(folder: Path, repo: Path | None, kind: str | None, force: bool, as_json: bool) -> None:
    """Write a commented autohealer.toml into FOLDER, and a unit for the watch where one is asked for.

    Without --repo the MarketSwarm checkout around FOLDER is named in it. With --service, settings that
    are there stay as they are.
    """
    settings = folder / CONFIG_NAME
    named = checkout_of(repo) if repo else _around(folder.absolute())
    keeps = kind is not None and settings.exists()
    texts = {} if keeps else {CONFIG_NAME: _settings(named)}
    repository = from_file(settings).get("repo") if keeps else (str(named) if named else None)
    said = "check it with `autohealer doctor`"
    if kind is not None:
        name, command_line = SERVICES[kind]
        texts[name] = _unit(name, folder.absolute())
        said = f"start it with `{command_line.format(shlex.quote(str(folder.absolute() / name)))}`"
    there = [name for name in texts if (folder / name).exists()]
    if there and not force:
        tell_error(f"{folder / there[0]} exists; --force overwrites it", Exit.ERROR, as_json=as_json)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _tell([folder / name for name in texts], repository, said, as_json=as_json)


def _tell(written: list[Path], repository: str | None, said: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"written": [str(file) for file in written], "repo": repository}))
        return
    click.echo(f"wrote {' and '.join(map(str, written))}; {said}")
    click.echo(f"the MarketSwarm checkout is {repository}" if repository else NO_REPOSITORY)


def _around(folder: Path) -> Path | None:
    """The MarketSwarm checkout that a folder lies in."""
    around = (folder, *folder.parents)
    return next((one for one in around if is_checkout(one) and (one / "truth").is_dir()), None)


def _settings(repo: Path | None) -> str:
    text = template(CONFIG_NAME)
    if repo is None:
        return text
    return text.replace(EXAMPLE, f"repo = {json.dumps(str(repo), ensure_ascii=False)}")


def _unit(name: str, folder: Path) -> str:
    config = folder / CONFIG_NAME
    if name.endswith(".plist"):
        python, settings, place = (escape(str(path)) for path in (sys.executable, config, folder))
    else:
        python, settings = _in_a_command(sys.executable), _in_a_command(str(config))
        place = _in_a_unit(str(folder))
    return fill_template(name, python=python, config=settings, folder=place)


def _in_a_unit(text: str) -> str:
    """As systemd reads it: a percent sign begins a specifier."""
    return text.replace("%", "%%")


def _in_a_command(word: str) -> str:
    """One word of ExecStart as systemd splits it: quoted where it is not plain, `$` begins a variable."""
    word = _in_a_unit(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    plain = all(char.isalnum() or char in "/._-+@:=,%" for char in word)
    return word if plain else f'"{word}"'
