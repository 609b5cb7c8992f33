"""`autohealer publish ID`: bring an ended run's branch further, or take it back."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from agent.approval import decline
from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.events import Emit, Event, Noted, PublishFailed
from agent.exit import Exit
from agent.publish import Delivery, deliver_again, publication_of
from agent.report.again import tell_again
from agent.settings import Settings, SettingsError
from agent.store import Run, Store
from tools.incident import IncidentFolder


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option("--approve", is_flag=True, help="A person has read the branch.")
@click.option("--decline", "declines", is_flag=True, help="Take a branch back that was not pushed.")
@click.option("--reason", default="", help="With --decline: why, for whoever meets the same fault again.")
@as_json
@click.pass_context
@tells_errors
def command(
    ctx: click.Context, incident_id: str, approve: bool, declines: bool, reason: str, as_json: bool
) -> None:
    """Push the branch of an incident's last run and propose it, where a remote and a forge are configured.

    With --decline the branch is taken back, and the watch does not heal the same fault again for thirty
    days. A branch that was pushed is declined on the forge: close the pull request.
    """
    if declines and approve:
        raise click.UsageError("--approve or --decline, one of the two")
    if reason and not declines:
        raise click.UsageError("--reason goes with --decline")
    settings = settings_of(ctx)
    if not (declines or settings.publish.remote):
        raise SettingsError("nowhere to publish to: set remote in the section [publish]")
    store = store_of(settings)
    folder = store.find(incident_id)
    if declines:
        _decline(store, folder, settings, reason, as_json=as_json)
    else:
        heard: list[Event] = []
        delivery = _deliver(store, folder, settings, heard.append, approve=approve)
        problems = [event.text for event in heard if isinstance(event, PublishFailed)]
        _tell(
            delivery, problems, [event.text for event in heard if isinstance(event, Noted)], as_json=as_json
        )
        sys.exit(int(Exit.ERROR if problems else Exit.DONE))


def _decline(store: Store, folder: IncidentFolder, settings: Settings, reason: str, *, as_json: bool) -> None:
    found = decline(store, folder, None, reason)
    tell_again(found.run, settings)
    branch = found.publication.branch
    if as_json:
        click.echo(json.dumps({"declined": branch, "commit": found.commit, "reason": reason}))
        return
    click.echo(f"declined: {branch} was taken back; the same fault is not healed again for thirty days")
    click.echo(f"to have it back: git branch {branch} {found.commit}")


def _deliver(
    store: Store, folder: IncidentFolder, settings: Settings, listen: Emit, *, approve: bool
) -> Delivery:
    run = _last_with_branch(store, folder)
    with store.hold(folder.incident().service):
        if approve:
            run.append(Noted("a person approved the branch"))
        delivery = deliver_again(run, settings.publish, listen, approved=approve)
    tell_again(run, settings)
    return delivery


def _last_with_branch(store: Store, folder: IncidentFolder) -> Run:
    """The last run that meant to publish, else the last run.

    Raises:
        SettingsError: there is none.
    """
    runs = store.runs(folder)
    if not runs:
        raise SettingsError(f"{folder.path.name} was not run yet: autohealer heal {folder.path.name}")
    return next((run for run in reversed(runs) if publication_of(run) is not None), runs[-1])


def _tell(delivery: Delivery, problems: Sequence[str], notes: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**asdict(delivery), "problems": problems, "notes": notes}, indent=1))
        return
    for note in notes:
        click.echo(f"note: {note}")
    for problem in problems:
        click.echo(f"autohealer: {problem}", err=True)
    click.echo(f"pushed: {delivery.pushed or 'no'}; pull request: {delivery.pull_request or 'none'}")
    for line in delivery.by_hand:
        click.echo(f"by hand: {line}")
