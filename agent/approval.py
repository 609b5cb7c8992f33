"""A person's yes or no to a branch that waits, before it is pushed."""

from __future__ import annotations

from dataclasses import dataclass

from agent.events import Event, Noted
from agent.publish import deliver_again
from agent.publish.publication import Publication, branch_of, publication_of
from agent.settings import PublishSettings
from agent.store import Run, Store
from sandbox.git import GitError, git
from sandbox.target import locate
from tools.incident import IncidentFolder


class NotWaiting(Exception):
    """There is no branch that waits for a decision; the message says why."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A branch that was made, is as the run made it, and was not pushed."""

    run: Run
    publication: Publication
    commit: str


def waiting(store: Store, folder: IncidentFolder, settings: PublishSettings) -> Waiting | None:
    """The branch of an incident that waits for a person; None where none does."""
    if not settings.approval or not settings.remote:
        return None
    for run in reversed(store.runs(folder)):
        result = run.result() or {}
        publication = publication_of(run) if result.get("branch") else None
        if publication is not None:
            commit = None if result.get("pushed") else branch_of(publication)
            return Waiting(run, publication, commit) if commit else None
    return None


def approve(store: Store, folder: IncidentFolder, settings: PublishSettings) -> None:
    """Push and propose the branch; what the remote or the forge would not do is in the run's journal.

    Raises:
        NotWaiting: nothing waits.
        Busy: a run holds the service.
    """
    with store.hold(folder.incident().service):
        found = _found(store, folder, settings)
        found.run.append(Noted("a person approved the branch"))
        deliver_again(found.run, settings, _unheard, approved=True)


def decline(store: Store, folder: IncidentFolder, settings: PublishSettings) -> None:
    """Take the branch back, where it still is what the run made.

    A branch of ours that is gone counts as a no: the watch does not heal the same fault again soon.

    Raises:
        NotWaiting: nothing waits, or the branch was changed meanwhile.
        Busy: a run holds the service.
    """
    with store.hold(folder.incident().service):
        found = _found(store, folder, settings)
        git_dir = locate(found.publication.target).common_dir
        try:
            git(git_dir, "update-ref", "-d", found.publication.ref, found.commit)
        except GitError as error:
            raise NotWaiting(f"{found.publication.branch} could not be taken back: {error}") from error
        found.run.append(Noted(f"a person declined {found.publication.branch}: it was taken back"))


def _found(store: Store, folder: IncidentFolder, settings: PublishSettings) -> Waiting:
    found = waiting(store, folder, settings)
    if found is None:
        raise NotWaiting(f"no branch of {folder.path.name} waits for a decision")
    return found


def _unheard(event: Event) -> None:
    """The journal tells it; the page follows the journal."""
