"""`autohealer init`: a settings file with every setting explained."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import click

from agent.cli.session import as_json, tell_error, tells_errors
from agent.result import Exit
from agent.settings import CONFIG_NAME


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm checkout to name in it.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@as_json
@tells_errors
def command(folder: Path, repo: Path | None, force: bool, as_json: bool) -> None:
    """Write a commented autohealer.toml into FOLDER."""
    target = folder / CONFIG_NAME
    if target.exists() and not force:
        tell_error(f"{target} exists; --force overwrites it", Exit.ERROR, as_json=as_json)
    text = (files("prompts") / "autohealer.toml").read_text(encoding="utf-8")
    if repo:
        text = text.replace('# repo = "/path/to/MarketSwarm"', f"repo = {json.dumps(str(repo.absolute()))}")
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    click.echo(
        json.dumps({"written": str(target)})
        if as_json
        else f"wrote {target}; check it with `autohealer doctor`"
    )
