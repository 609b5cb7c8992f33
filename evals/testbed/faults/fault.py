"""What a fault is: commits that bring a bug, and what has to happen until it bites.

The commits of a fault are the files `<id>/1.patch`, `2.patch`, ... beside this module: a header with the
author, the commit message, `---`, the diff. `<id>/fix.patch` is the reference fix, a plain diff, and
`<id>/wrong.patch` a plausible fix that is none.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from agent.diagnosis import Category
from evals.testbed.cluster import Cluster
from evals.testbed.repository import commit, git

FIRST_DATE = datetime.fromisoformat("2026-03-02T10:20:00-05:00")
BETWEEN = timedelta(hours=19)
CLOSED_MARKET = {"MASSIVE_SESSION": "closed"}

Group = Literal["fixable", "not_fixable", "trap"]
Effect = Literal["exit", "stale"]
Trigger = Callable[[Cluster, str], None]


class FaultError(Exception):
    """A fault that does not fit the tree any more; the message names its patch."""


def restart(cluster: Cluster, service: str) -> None:
    """The usual way for a fault to bite: the service is started on the new commit."""
    cluster.restart(service, wait=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """A named way to break one service.

    `effect` "exit" is a process that ends, "stale" one that lives but no longer does its work. `needs`
    are the services that run before, `env` what their cluster is started with, `trigger` what makes the
    fault bite once the cluster runs on its commits. `symptom` is a text that the log then holds.
    `category` and `accept` are the right answers to what kind it is, `culprit` is file and function,
    `action` what the operator should do where the service's code is not at fault. `packages` are modules
    that the services' interpreter must have for the fault to show as it does.
    """

    id: str
    service: str
    title: str
    symptom: str
    category: Category
    group: Group = "fixable"
    accept: tuple[Category, ...] = ()
    culprit: tuple[str, str] | None = None
    action: str | None = None
    effect: Effect = "exit"
    needs: tuple[str, ...] = ("massive",)
    env: Mapping[str, str] = field(default_factory=lambda: CLOSED_MARKET)
    trigger: Trigger = restart
    packages: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its patches are; the folder is absent where no commit is at fault."""
        return Path(__file__).parent / self.id

    @property
    def fix(self) -> Path | None:
        """The reference fix as a diff, or None where the repository cannot be mended in the service."""
        return self._optional("fix.patch")

    @property
    def wrong_fix(self) -> Path | None:
        """A plausible diff that does not mend it, where there is one."""
        return self._optional("wrong.patch")

    def apply(self, repo: Path) -> str:
        """Commit the fault on the checked-out branch; the last commit. The same tree gives the same commits.

        Raises:
            FaultError: a patch does not fit the tree.
        """
        last = git(repo, "rev-parse", "HEAD").strip()
        for number, patch in enumerate(sorted(self.folder.glob("[0-9].patch"))):
            author, message = _header(patch)
            _git_apply(repo, patch, "--index")
            date = (FIRST_DATE + number * BETWEEN).isoformat()
            last = commit(repo, message, date=date, author=author, paths=())
        return last

    def strike(self, cluster: Cluster) -> None:
        """Make it bite on a running cluster whose checkout holds the fault."""
        self.trigger(cluster, self.service)

    def mend(self, repo: Path) -> None:
        """Write the reference fix into the checkout, uncommitted.

        Raises:
            FaultError: there is none, or it does not fit.
        """
        if self.fix is None:
            raise FaultError(f"{self.id} has no reference fix")
        _git_apply(repo, self.fix)

    def _optional(self, name: str) -> Path | None:
        file = self.folder / name
        return file if file.exists() else None


def _header(patch: Path) -> tuple[str, str]:
    """Author and message of a patch file."""
    head, separator, _diff = patch.read_text(encoding="utf-8").partition("\n---\n")
    author, _, message = head.partition("\n\n")
    if not separator or not author.startswith("author: "):
        raise FaultError(f"{patch} has no header: 'author: NAME', the message, '---'")
    return author.removeprefix("author: "), message


def _git_apply(repo: Path, patch: Path, *options: str) -> None:
    try:
        git(repo, "apply", "--whitespace=nowarn", *options, str(patch))
    except subprocess.CalledProcessError as error:
        problem = error.stderr.decode(errors="replace").strip()
        raise FaultError(f"{patch.parent.name}/{patch.name} does not fit: {problem}") from error
