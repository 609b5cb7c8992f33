"""`autohealer publish ID`: bring an ended run's branch further, once approved or once a token is back."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.events import Event
from agent.publish import deliver_again
from agent.settings import SettingsError


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option("--approve", is_flag=True, help="A person has read the branch.")
@as_json
@click.pass_context
@tells_errors
def command(ctx: click.Context, incident_id: str, approve: bool, as_json: bool) -> None:
    """Push the branch of an incident's last run and propose it, where a remote and a forge are configured."""
    settings = settings_of(ctx)
    if not settings.publish.remote:
        raise SettingsError("nowhere to publish to: set remote in the section [publish]")
    store = store_of(settings)
    folder = store.find(incident_id)
    runs = store.runs(folder)
    if not runs:
        raise SettingsError(f"{incident_id} was not run yet: autohealer heal {incident_id}")
    with store.hold(folder.incident().service):
        delivery = deliver_again(runs[-1], settings.publish, _unheard, approved=approve)
    if as_json:
        click.echo(json.dumps(asdict(delivery), indent=1))
        return
    click.echo(f"pushed: {delivery.pushed or 'no'}; pull request: {delivery.pull_request or 'none'}")
    for line in delivery.by_hand:
        click.echo(f"by hand: {line}")


def _unheard(event: Event) -> None:
    """The delivery tells it all."""
