"""What a run means to publish, kept in its folder before the branch is made: a killed run goes on from it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.diagnosis import Diagnosis
from agent.publish.branch import branch_name
from agent.result import RungResult
from agent.store import Run, Store
from sandbox.git import GitError, git
from sandbox.target import locate
from tools.incident import IncidentFolder

FILE = "publication.json"
BODY = "pull_request.md"


class Publication(BaseModel):
    """A branch and its pull request. `body` is Markdown, whole; `base` and `tree` are object ids."""

    model_config = ConfigDict(frozen=True)

    target: Path
    service: str
    incident: str
    run: int
    fingerprint: str
    ref: str
    base: str
    tree: str
    title: str
    body: str
    diagnosis: Diagnosis
    proof: tuple[RungResult, ...]
    proof_line: str
    labels: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """The branch's name."""
        return self.ref.removeprefix("refs/heads/")

    @property
    def forge_labels(self) -> tuple[str, ...]:
        """The labels on the forge."""
        return ("autohealer", f"service:{self.service}")

    @property
    def prefix(self) -> str:
        """What the names of all branches for this service begin with."""
        return branch_name(self.service, "").removeprefix("refs/heads/")


def keep(run: Run, publication: Publication) -> None:
    """Write it into the run's folder, the body as a file of its own too. Raises OSError."""
    run.write(BODY, publication.body)
    run.write(FILE, publication.model_dump_json(indent=1))


def publication_of(run: Run) -> Publication | None:
    """What a run meant to publish; None where it did not come so far."""
    try:
        return Publication.model_validate_json((run.path / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def branch_of(publication: Publication) -> str | None:
    """The commit of the branch as the run made it; None where it is not there or is something else."""
    try:
        git_dir = locate(publication.target).common_dir
        told = git(git_dir, "log", "-1", "--format=%H %T %P", "--end-of-options", publication.ref, "--")
    except (GitError, OSError):
        return None
    commit, tree, *parents = told.decode().split()
    return commit if (tree, parents) == (publication.tree, [publication.base]) else None


def interrupted(store: Store, folder: IncidentFolder) -> tuple[Publication, str] | None:
    """The branch that a killed run made and did not report, with its commit: it is not made twice."""
    for run in reversed(store.runs(folder)):
        result = run.result()
        if result is not None and result["outcome"] not in ("interrupted", "failed"):
            return None
        publication = publication_of(run)
        commit = branch_of(publication) if publication else None
        if publication is not None and commit is not None:
            return publication, commit
    return None
