"""`autohealer verify`: a person's diff through the gate and up the proof ladder."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from agent.case import Case, open_case
from agent.cli.session import as_json, checkout_of, settings_of, store_of, tells_errors
from agent.events import Event
from agent.exit import Exit
from agent.proof import NEEDED_FOR_A_BRANCH, Proof, prove
from agent.settings import Settings, SettingsError
from agent.store import Store
from sandbox.patch import Patch, from_diff
from tools.incident import IncidentFolder
from tools.repository import Repository

MARKS = {"shown": "✓", "failed": "✗", "not shown": "–"}


@click.command()
@click.argument("incident", required=False)
@click.option("--diff", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--service", help="Without INCIDENT: the service that the diff changes.")
@click.option(
    "--commit", default="HEAD", show_default=True, help="Without INCIDENT: what the diff applies to."
)
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm repository.")
@as_json
@click.pass_context
@tells_errors
def command(
    ctx: click.Context,
    incident: str | None,
    diff: Path,
    service: str | None,
    commit: str,
    repo: Path | None,
    as_json: bool,
) -> None:
    """Judge a diff as a model's patch is judged: by the gate, then by the proof.

    With INCIDENT (an id or a folder) the crash has to be gone; with --service alone the diff has to be
    in scope, build, and break no test.
    """
    if bool(incident) == bool(service):
        raise click.UsageError("name an INCIDENT or a --service, one of the two")
    settings = settings_of(ctx, {"repo": str(repo.absolute()) if repo else None})
    store, text = store_of(settings), _text(diff)
    with _folder(store, settings, incident, service, commit) as folder:
        case = open_case(folder, settings, store.root, _silent)
        bench = case.bench
        base, find_secrets = case.incident.commit, bench.redact.find
        patch = from_diff(bench.gate, base, bench.service, text, find_secrets=find_secrets)
        proof = prove(case, patch, settings.sandbox.test_runs, _silent)
    passed = proof.proven if incident else all(proof.state(name) == "shown" for name in NEEDED_FOR_A_BRANCH)
    _tell(case, patch, proof, passed=passed, as_json=as_json)
    sys.exit(int(Exit.DONE if passed else Exit.NO_PATCH))


def _text(diff: Path) -> str:
    try:
        return diff.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{diff} is no diff in UTF-8: byte {error.start} is {error.reason}") from error


@contextmanager
def _folder(
    store: Store, settings: Settings, incident: str | None, service: str | None, commit: str
) -> Iterator[IncidentFolder]:
    """The incident's folder, or for a service alone one without a crash in its log."""
    if incident is not None:
        yield store.add(IncidentFolder(Path(incident))) if Path(incident).is_dir() else store.find(incident)
        return
    found = Repository(checkout_of(settings.repo), commit).commit
    with tempfile.TemporaryDirectory() as name:
        said = {"id": "verify", "service": service, "commit": found}
        (Path(name) / "incident.json").write_text(json.dumps(said), encoding="utf-8")
        (Path(name) / "log.txt").touch()
        yield IncidentFolder(Path(name))


def _tell(case: Case, patch: Patch, proof: Proof, *, passed: bool, as_json: bool) -> None:
    if as_json:
        rungs = [asdict(rung) for rung in proof.rungs]
        told = {"service": case.incident.service, "base": patch.base, "tree": patch.tree, "passed": passed}
        told |= {"proven": proof.proven}
        click.echo(json.dumps({**told, "proof": rungs, "labels": proof.labels}, indent=1))
        return
    for rung in proof.rungs:
        click.echo(f"{MARKS[rung.state]} {rung.name}: {rung.detail}")
    for label in proof.labels:
        click.echo(f"  {label}")
    click.echo("passed" if passed else f"not passed: {proof.why_not}")


def _silent(event: Event) -> None:
    """The verdict tells it all."""
