"""`autohealer record incident`: break the testbed for real and keep the crash as an incident folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.session import as_json
from evals.cases import INCIDENTS
from evals.production import TraceError
from evals.record import RecordError, record_anyhow
from evals.testbed.cluster import ClusterError
from evals.testbed.faults import FAULTS, FaultError


@click.command()
@click.argument("faults", nargs=-1, metavar="FAULT...")
@click.option("--all", "every", is_flag=True, help="Record every fault.")
@click.option("--into", type=click.Path(path_type=Path), default=INCIDENTS, help="Folder of the incidents.")
@click.option("--python", type=click.Path(path_type=Path, exists=True), default=Path(sys.executable),
              help="The services' interpreter, for faults that need a package of their own.")  # fmt: skip
@as_json
def command(faults: tuple[str, ...], every: bool, into: Path, python: Path, as_json: bool) -> None:
    """Record each FAULT as an incident folder of that name."""
    names = tuple(FAULTS) if every else faults
    if unknown := [name for name in names if name not in FAULTS]:
        raise click.UsageError(f"no fault {unknown[0]!r}; there are {', '.join(FAULTS)}")
    recorded, failed = {}, {}
    for name in names:
        try:
            recorded[name] = str(record_anyhow(FAULTS[name], into / name, python.absolute()))
            click.echo(recorded[name], err=as_json)
        except (ClusterError, FaultError, RecordError, TraceError) as error:
            failed[name] = str(error)
            click.echo(f"{name}: {error}", err=True)
    if as_json:
        click.echo(json.dumps({"recorded": recorded, "failed": failed}, indent=1))
    if failed:
        sys.exit(f"not recorded: {', '.join(failed)}")
