"""Where a case is run: its repository with the fault in it, and a store that forgets all but baselines."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from agent.store import Store
from evals.cases import Case, CaseError
from evals.testbed.repository import git, make_repository
from tools.incident import IncidentFolder


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of its own for one case: `marketswarm` is its checkout, `state` the agent's.

    It stays where it is from run to run, so that what was found out about the base commit is known again.
    `origin` is the repository of a real incident.
    """

    folder: Path
    case: Case
    origin: Path | None = None

    @property
    def repo(self) -> Path:
        return self.folder / "marketswarm"

    def prepare(self) -> tuple[Store, IncidentFolder]:
        """A clean checkout of the case's commit, and a store that knows its incident and no run on it."""
        if not self._is_as_it_was():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self._build()
        self.forget_branches()
        store = Store(self.folder / "state")
        for name in ("incidents", "locks"):
            shutil.rmtree(store.root / name, ignore_errors=True)
        store.prepare()
        return store, store.add(self.case.folder)

    def forget_branches(self) -> None:
        """Take away what earlier runs published."""
        for ref in self.refs() - {"refs/heads/main"}:
            git(self.repo, "update-ref", "-d", ref)

    def refs(self) -> set[str]:
        """Every ref of the checkout."""
        return set(git(self.repo, "for-each-ref", "--format=%(refname)").split())

    def standing(self) -> tuple[str, str, str]:
        """What a run must not change: HEAD, the state of the files, the stashes."""
        head = git(self.repo, "rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
        return head, git(self.repo, "status", "--porcelain", "--ignored"), git(self.repo, "stash", "list")

    def _build(self) -> None:
        if self.case.fault is not None:
            make_repository(self.repo)
            self.case.fault.apply(self.repo)
        elif self.origin is not None:
            git(self.folder, "clone", "--quiet", "--no-checkout", str(self.origin.absolute()), self.repo.name)
            git(self.repo, "checkout", "--quiet", "-B", "main", self.case.commit)
        else:
            raise CaseError(f"{self.case.id} is a real incident: name its repository with --repo")

    def _is_as_it_was(self) -> bool:
        try:
            head = git(self.repo, "rev-parse", "HEAD").strip()
            return head == self.case.commit and not git(self.repo, "status", "--porcelain")
        except (OSError, subprocess.CalledProcessError):
            return False
