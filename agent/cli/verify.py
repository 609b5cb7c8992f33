"""`autohealer verify`: a person's diff through the gate and up the proof ladder."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from agent.case import Case, open_case
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.events import Event
from agent.proof import Proof, prove
from agent.result import Exit
from sandbox.patch import Patch, from_diff
from tools.incident import IncidentFolder

MARKS = {"shown": "✓", "failed": "✗", "not shown": "–"}


@click.command()
@click.argument("incident")
@click.option("--diff", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm repository.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, incident: str, diff: Path, repo: Path | None, as_json: bool) -> None:
    """Judge a diff for INCIDENT (an id or a folder) as a model's patch is judged."""
    settings = settings_of(ctx, {"repo": str(repo.absolute()) if repo else None})
    store = store_of(settings)
    folder = store.add(IncidentFolder(Path(incident))) if Path(incident).is_dir() else store.find(incident)
    case = open_case(folder, settings, store.root, _silent)
    bench, text = case.bench, diff.read_text(encoding="utf-8")
    commit, find_secrets = case.incident.commit, bench.redact.find
    patch = from_diff(bench.gate, commit, bench.service, text, find_secrets=find_secrets)
    proof = prove(case, patch, settings.sandbox.test_runs, _silent)
    _tell(case, patch, proof, as_json)
    sys.exit(int(Exit.DONE if proof.proven else Exit.NO_PATCH))


def _tell(case: Case, patch: Patch, proof: Proof, as_json: bool) -> None:
    if as_json:
        rungs = [asdict(rung) for rung in proof.rungs]
        told = {
            "service": case.incident.service,
            "base": patch.base,
            "tree": patch.tree,
            "proven": proof.proven,
        }
        click.echo(json.dumps({**told, "proof": rungs, "labels": proof.labels}, indent=1))
        return
    for rung in proof.rungs:
        click.echo(f"{MARKS[rung.state]} {rung.name}: {rung.detail}")
    for label in proof.labels:
        click.echo(f"  {label}")
    click.echo("proven" if proof.proven else f"not proven: {proof.why_not}")


def _silent(event: Event) -> None:
    """The verdict tells it all."""
