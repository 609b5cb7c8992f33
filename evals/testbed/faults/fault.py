"""What a fault is: commits that bring a bug, and what has to happen until it bites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from evals.testbed.cluster import Cluster
from evals.testbed.repository import commit, git

FIRST_DATE = datetime.fromisoformat("2026-03-02T10:20:00-05:00")
BETWEEN = timedelta(hours=19)

Effect = Literal["exit", "stale"]
Group = Literal["fixable", "not_fixable", "trap"]


class FaultError(Exception):
    """A fault that does not fit the tree any more; the message names the file and the text."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`search` occurs once in `path` and becomes `replace`; an empty search makes a new file.

    An empty search and an empty replace delete the file.
    """

    path: str
    search: str
    replace: str

    def apply(self, repo: Path) -> None:
        """Change the file in a checkout.

        Raises:
            FaultError: the text does not occur exactly once.
        """
        target = repo / self.path
        if not self.search and not self.replace:
            target.unlink()
            return
        if not self.search:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.replace, encoding="utf-8")
            return
        text = target.read_text(encoding="utf-8")
        if text.count(self.search) != 1:
            raise FaultError(f"{self.path} holds {self.search[:60]!r} {text.count(self.search)} times")
        target.write_text(text.replace(self.search, self.replace), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a fault, the way people make them: the bug among lines that are wanted."""

    author: str
    message: str
    edits: tuple[Edit, ...]


def restart(cluster: Cluster, service: str) -> None:
    """The usual way for a fault to bite: the service is started on the new commit."""
    cluster.restart(service, wait=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """A named way to break one service.

    `effect` "exit" is a process that ends by itself, "stale" one that lives and beats but no longer
    does its work. `needs` are the services that must run before, `env` what their cluster is started
    with, `trigger` what makes it bite once the cluster runs. `fix` is the reference fix (absent where
    the service's code is not at fault), `symptom` a text that its log then holds.
    """

    id: str
    service: str
    title: str
    symptom: str
    group: Group = "fixable"
    effect: Effect = "exit"
    steps: tuple[Step, ...] = ()
    fix: tuple[Edit, ...] = ()
    needs: tuple[str, ...] = ("massive",)
    env: Mapping[str, str] = field(default_factory=lambda: {"MASSIVE_SESSION": "closed"})
    trigger: Callable[[Cluster, str], None] = restart

    def apply(self, repo: Path) -> str:
        """Commit the fault on the checked-out branch; the last commit. The same tree gives the same commits.

        Raises:
            FaultError: an edit does not fit the tree.
        """
        last = git(repo, "rev-parse", "HEAD").strip()
        for number, step in enumerate(self.steps):
            for edit in step.edits:
                edit.apply(repo)
            date = (FIRST_DATE + number * BETWEEN).isoformat()
            paths = [edit.path for edit in step.edits]
            last = commit(repo, step.message, date=date, author=step.author, paths=paths)
        return last

    def strike(self, cluster: Cluster) -> None:
        """Make it bite on a running cluster whose checkout holds the fault."""
        self.trigger(cluster, self.service)

    def mend(self, repo: Path) -> None:
        """Write the reference fix into the checkout, uncommitted.

        Raises:
            FaultError: an edit does not fit.
        """
        for edit in self.fix:
            edit.apply(repo)
