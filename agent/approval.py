"""A person's yes or no to a branch before it is pushed, and what is remembered of a no."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.events import Event, Noted
from agent.publish import NothingToPublish, deliver_again
from agent.publish.markdown import visible
from agent.publish.publication import Publication, branch_of, publication_of
from agent.settings import PublishSettings
from agent.store import Run, Store
from agent.watch.endings import ending_of
from agent.watch.tickets import Ticket, read_tickets, write_ticket
from sandbox.git import GitError, git
from sandbox.target import locate
from tools.incident import IncidentFolder
from tools.redact import Redactor

FILE = "decision.json"
LONGEST_REASON = 500
NO_REASON = "no reason was given"


class NotWaiting(NothingToPublish):
    """There is no branch that waits for a decision; the message says why."""


class Decision(BaseModel):
    """What a person said to a run's branch, kept in the run's folder. The reason is redacted."""

    model_config = ConfigDict(frozen=True)

    answer: Literal["approved", "declined"]
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A branch that was made, is as the run made it, and was not pushed."""

    run: Run
    publication: Publication
    commit: str


def waiting(store: Store, folder: IncidentFolder, settings: PublishSettings) -> Waiting | None:
    """The branch of an incident that waits for a person; None where none does."""
    return unpushed(store, folder) if settings.approval and settings.remote else None


def unpushed(store: Store, folder: IncidentFolder) -> Waiting | None:
    """The last branch that was made for an incident, where it is in the target only."""
    for run in reversed(store.runs(folder)):
        result = run.result() or {}
        publication = publication_of(run) if result.get("branch") else None
        if publication is not None:
            commit = None if result.get("pushed") else branch_of(publication)
            return Waiting(run, publication, commit) if commit else None
    return None


def decision_of(run: Run) -> Decision | None:
    """What a person said to the branch of a run; None where nobody did."""
    try:
        return Decision.model_validate_json((run.path / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def approve(store: Store, folder: IncidentFolder, settings: PublishSettings) -> Waiting:
    """Push and propose the branch; what the remote or the forge would not do is in the run's journal.

    Raises:
        NotWaiting: nothing waits.
        Busy: a run holds the service.
    """
    with store.hold(folder.incident().service):
        found = _found(waiting(store, folder, settings), folder)
        _decided(found.run, Decision(answer="approved", at=datetime.now(UTC)))
        found.run.append(Noted("a person approved the branch"))
        deliver_again(found.run, settings, _unheard, approved=True)
    return found


def decline(
    store: Store, folder: IncidentFolder, settings: PublishSettings | None, reason: str = ""
) -> Waiting:
    """Take the branch back, where it still is what the run made, and remember the no to this fault.

    With `settings` only a branch that waits for approval can be declined, without any that was not pushed.

    Raises:
        NotWaiting: there is none, or the branch was changed meanwhile.
        Busy: a run holds the service.
    """
    reason = Redactor()(visible(" ".join(reason.split())))[:LONGEST_REASON] or NO_REASON
    with store.hold(folder.incident().service):
        found = _found(waiting(store, folder, settings) if settings else unpushed(store, folder), folder)
        _decided(found.run, Decision(answer="declined", at=datetime.now(UTC), reason=reason))
        git_dir = locate(found.publication.target).common_dir
        try:
            git(git_dir, "update-ref", "-d", found.publication.ref, found.commit)
        except GitError as error:
            (found.run.path / FILE).unlink(missing_ok=True)
            raise NotWaiting(f"{found.publication.branch} could not be taken back: {error}") from error
        _remember(store, folder, reason)
        found.run.append(Noted(f"a person declined {found.publication.branch}, it was taken back: {reason}"))
    return found


def _found(found: Waiting | None, folder: IncidentFolder) -> Waiting:
    if found is None:
        raise NotWaiting(f"no branch of {folder.path.name} waits for a decision")
    return found


def _decided(run: Run, decision: Decision) -> None:
    run.write(FILE, decision.model_dump_json(indent=1))


def _remember(store: Store, folder: IncidentFolder, reason: str) -> None:
    """The no as the watch reads it: it does not heal the same fault again soon."""
    incidents = store.root / "incidents"
    known = {ticket.incident: ticket for ticket in read_tickets(incidents)}
    incident = folder.incident()
    ticket = known.get(incident.id) or Ticket(
        incident.id, incident.service, "ended", opened=time.time(), outcome="branch"
    )
    try:
        signature = ticket.signature or ending_of(folder.log.read_bytes()).signature
    except FileNotFoundError:
        signature = None
    told = f"a person declined its branch: {reason}"
    write_ticket(incidents, replace(ticket, state="declined", reason=told, signature=signature))


def _unheard(event: Event) -> None:
    """The journal tells it; the page follows the journal."""
