"""From the local branch to the remote and the forge, as far as configured; the rest is told, for hands."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.events import (
    Emit,
    Noted,
    PublishFailed,
    PullRequestIntended,
    PullRequestOpened,
    Pushed,
    PushIntended,
)
from agent.publish.address import Address, address_of, forge_at
from agent.publish.forge import Forge, ForgeError
from agent.publish.publication import BODY, Publication
from agent.publish.pull_request import Patience, propose
from agent.publish.push import (
    BaseMissing,
    PushError,
    Remote,
    RemoteMissing,
    branch_with,
    is_on_remote,
    push,
    remote_named,
)
from agent.settings import PublishSettings
from sandbox.git import GitError
from sandbox.target import Target, locate
from tools.redact import Redactor

ORIGIN = "origin"
WAITS = "the branch waits for a person's approval before it is pushed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a branch came. `by_hand` are the commands for what is left, for a shell in the target."""

    pushed: bool = False
    pull_request: str | None = None
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Carrier:
    """Delivers one publication; `folder` is that of its run."""

    publication: Publication
    commit: str
    settings: PublishSettings
    folder: Path
    emit: Emit
    patience: Patience = field(default_factory=Patience)

    def deliver(self, *, approved: bool = False) -> Delivery:
        """Push and propose. Never raises for what a remote or a forge does: that is told by an event.

        Doing it again after any interruption doubles nothing.
        """
        if not self.settings.remote:
            return Delivery(by_hand=self.by_hand(None, pushed=False) if self.has_origin() else ())
        if self.settings.approval and not approved:
            self.emit(Noted(WAITS))
            return Delivery(by_hand=self.by_hand(None, pushed=False))
        address: Address | None = None
        try:
            target = locate(self.publication.target)
            remote = remote_named(target, self.settings.remote)
            address = self.address(remote)
            self.push(target, remote)
        except (PushError, GitError, OSError) as error:
            self.failed("push", str(error))
            return Delivery(by_hand=(*self.first(error), *self.by_hand(address, pushed=False)))
        if address is None:
            return Delivery(pushed=True)
        url = self.propose(address)
        return Delivery(True, url, () if url else self.by_hand(address, pushed=True))

    def push(self, target: Target, remote: Remote) -> None:
        """Push the branch, where it brings the remote one commit of ours and nothing else."""
        if not self.patience.do(lambda: is_on_remote(target, remote, self.publication.base)):
            raise BaseMissing(
                f"{remote.name} does not have the commit {self.publication.base[:12]} that the branch is on, "
                "and pushing would publish the work before it too: push that first"
            )
        self.emit(PushIntended(remote.name, self.publication.ref, self.commit))
        self.patience.do(lambda: push(target, remote, self.commit, self.publication.ref))
        self.emit(Pushed(remote.name, self.publication.ref))

    def propose(self, address: Address) -> str | None:
        """Open or update the pull request; its address, or None where that failed."""
        try:
            forge = forge_at(address, os.environ)
            self.emit(PullRequestIntended(forge.name, self.publication.branch))
            base = self.settings.base or self.patience.do(forge.default_branch)
            request, how = propose(forge, self.publication, base, self.settings.most_open, self.patience)
        except ForgeError as error:
            self.failed("pull request", f"the branch is pushed, but there is no pull request: {error}")
            return None
        self.emit(PullRequestOpened(request.url, how))
        if how != "updated":
            self.label(forge, request.number)
        return request.url

    def label(self, forge: Forge, number: int) -> None:
        try:
            self.patience.do(lambda: forge.label(number, self.publication.forge_labels))
        except ForgeError as error:
            self.failed("labels", f"the pull request is open without its labels: {error}")

    def address(self, remote: Remote) -> Address | None:
        try:
            return address_of(self.settings, remote.urls[0])
        except ForgeError as error:
            self.failed("pull request", str(error))
            return None

    def has_origin(self) -> bool:
        try:
            return bool(remote_named(locate(self.publication.target), ORIGIN).urls)
        except (PushError, GitError, OSError):
            return False

    def failed(self, step: str, text: str) -> None:
        self.emit(PublishFailed(step, Redactor()(text)))

    def first(self, error: Exception) -> Iterator[str]:
        """The commands without which the others fail, by why the push did."""
        remote = self.settings.remote or ORIGIN
        if isinstance(error, RemoteMissing):
            yield f"git remote add {shlex.quote(remote)} URL"
        if isinstance(error, BaseMissing | RemoteMissing):
            base = branch_with(locate(self.publication.target), self.publication.base)
            yield shlex.join(["git", "push", remote, base or f"{self.publication.base}:refs/heads/main"])

    def by_hand(self, address: Address | None, *, pushed: bool) -> tuple[str, ...]:
        """The commands that are left, ready for a shell in the target."""
        publication, commands = self.publication, []
        remote = self.settings.remote or ORIGIN
        if not pushed:
            commands.append(shlex.join(["git", "push", remote, f"{publication.ref}:{publication.ref}"]))
        body = str(self.folder / BODY)
        title = ["--title", publication.title]
        if address is not None and address.kind == "github":
            labels = [word for label in publication.forge_labels for word in ("--label", label)]
            head = ["--head", publication.branch, "--body-file", body]
            commands.append(_command("gh pr create --draft --repo", address.project, *head, *title, *labels))
        elif address is not None:
            labels = ["--label", ",".join(publication.forge_labels)]
            head = ["--source-branch", publication.branch]
            made = _command("glab mr create --draft --repo", address.project, *head, *title, *labels)
            commands.append(f'{made} --description "$(cat {shlex.quote(body)})"')
        return tuple(commands)


def _command(start: str, *words: str) -> str:
    return shlex.join([*start.split(), *words])
