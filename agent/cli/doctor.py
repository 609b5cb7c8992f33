"""`autohealer doctor`: what is missing here, and how to get it."""

from __future__ import annotations

import json
import sys

import click

from agent.cli.session import as_json, settings_of, tells_errors
from agent.doctor import Finding, examine
from agent.exit import Exit

MARKS = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}


@click.command()
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, as_json: bool) -> None:
    """Say what is missing on this machine, and how to get it."""
    findings = examine(settings_of(ctx))
    if as_json:
        click.echo(json.dumps([finding.record() for finding in findings], indent=1))
    else:
        for finding in findings:
            _tell(finding)
    if any(finding.state == "missing" for finding in findings):
        sys.exit(int(Exit.ERROR))


def _tell(finding: Finding) -> None:
    click.echo(f"{MARKS[finding.state]} {finding.what}: {finding.found}")
    if finding.remedy:
        click.echo(f"        {finding.remedy}")
