"""A proven patch on its way out: kept, made into a branch, delivered."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from agent.events import Emit, Event, Noted, PublishFailed
from agent.publish.address import Address, address_of
from agent.publish.body import Proven, body_of
from agent.publish.branch import commit_message, free_branch, outward, publish_branch, standing
from agent.publish.deliver import Carrier, Delivery
from agent.publish.forge import ForgeError
from agent.publish.publication import Publication, branch_of, keep, publication_of
from agent.publish.pull_request import Patience
from agent.publish.push import PushError, remote_named
from agent.result import RungResult
from agent.settings import PublishSettings
from agent.store import Run
from sandbox.git import GitError
from sandbox.target import locate
from tools.logs import fingerprint


class NothingToPublish(Exception):
    """There is no branch; the message says of which run."""


@dataclass(frozen=True, slots=True)
class Published:
    """A branch by its name without `refs/heads/` and its commit, and how far it came."""

    branch: str
    commit: str
    delivery: Delivery


def publish(
    proven: Proven,
    model: str,
    run: Run,
    settings: PublishSettings,
    emit: Emit,
    patience: Patience = Patience(),
) -> Published:
    """Make the branch, unless one with this very patch waits, and bring it as far as the settings say.

    What is to be published is in the run's folder before the branch is made, so that a kill at any
    moment leaves something that goes on. Whatever happens after the branch, the branch stays.

    Raises:
        Refused: there is no proof, a secret would leave, or the ref was taken meanwhile.
    """
    stands = standing(proven.case, proven.patch)
    ref = stands[0] if stands else free_branch(proven.case)
    publication = _publication(proven, model, run, settings, ref)
    keep(run, publication)
    if stands:
        branch, commit = publication.branch, stands[1]
        emit(Noted(f"this patch already waits on branch {branch}: no other is made"))
    else:
        branch, commit = publish_branch(
            proven.case, proven.patch, proven.proof, proven.diagnosis, model, emit, ref=ref
        )
    leaking = outward(proven.case).find(f"{publication.title}\n{publication.body}")
    if leaking and settings.remote:
        told = f"the text of the pull request would hold what must not leave ({', '.join(leaking)})"
        emit(PublishFailed("pull request", f"{told}; nothing was pushed"))
        return Published(branch, commit, Delivery())
    delivery = Carrier(publication, commit, settings, run.path, emit, patience).deliver()
    return Published(branch, commit, delivery)


def take_up(
    left: Publication,
    commit: str,
    run: Run,
    settings: PublishSettings,
    emit: Emit,
    patience: Patience = Patience(),
) -> Published:
    """Go on with what a killed run left: its branch is there, and is delivered as far as the settings say."""
    keep(run, left)
    delivery = Carrier(left, commit, settings, run.path, emit, patience).deliver()
    return Published(left.branch, commit, delivery)


def deliver_again(run: Run, settings: PublishSettings, listen: Emit, *, approved: bool = False) -> Delivery:
    """Bring the branch of an ended run further: a person approved it, or what was missing is there now.

    The run's `result.json` and journal tell it. Whoever calls this holds the service's lock.

    Raises:
        NothingToPublish: the run made no branch, or the branch is gone or is another one.
    """
    publication = publication_of(run)
    commit = branch_of(publication) if publication else None
    if publication is None or commit is None:
        raise NothingToPublish(f"run {run.number} has no branch of its own to publish")

    def emit(event: Event) -> None:
        run.append(event)
        listen(event)

    delivery = Carrier(publication, commit, settings, run.path, emit).deliver(approved=approved)
    told = {**(run.result() or {}), **asdict(delivery)}
    run.write("result.json", json.dumps(told, indent=1, ensure_ascii=False))
    return delivery


def _publication(proven: Proven, model: str, run: Run, settings: PublishSettings, ref: str) -> Publication:
    case, patch, proof = proven.case, proven.patch, proven.proof
    crash = case.crash
    fault = fingerprint(case.incident.service, crash) if crash else case.incident.id
    head = ref.removeprefix("refs/heads/")
    return Publication(
        target=case.target,
        service=case.incident.service,
        incident=case.incident.id,
        run=run.number,
        fingerprint=fault,
        ref=ref,
        base=patch.base,
        tree=patch.tree,
        title=commit_message(case, proof, proven.diagnosis, model).partition("\n")[0],
        body=body_of(proven, head, fault, _address(proven, settings), outward(case)),
        diagnosis=proven.diagnosis,
        proof=tuple(RungResult(**asdict(rung)) for rung in proof.rungs),
        proof_line=proof.line,
        labels=proof.labels,
    )


def _address(proven: Proven, settings: PublishSettings) -> Address | None:
    """Where evidence links to; without it the body has plain places. What is wrong is told on delivery."""
    if not settings.remote:
        return None
    try:
        remote = remote_named(locate(proven.case.target), settings.remote)
        return address_of(settings, remote.urls[0])
    except (PushError, ForgeError, GitError):
        return None
