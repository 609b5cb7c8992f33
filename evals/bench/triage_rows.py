"""Rows of the rules that come before any model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.triage import triage
from evals.bench.agent_rows import incident_on
from evals.bench.row import Row, median_s
from evals.bench.tools_rows import made_log
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder
from tools.repository import Repository
from tools.truth import from_files


def triage_rows(folder: Path) -> Iterator[Row]:
    """A whole triage of the demo's incident, reading repository and Truth included. `folder` is for files."""
    repo = make_repository(folder / "triage-marketswarm").path
    incident = incident_on(folder / "triage", repo)
    yield Row("triage of an incident", median_s(lambda: _triaged(repo, incident)), 0.3, "s")
    log = incident / "log.txt"
    made_log(log, 1000, log.read_bytes())
    yield Row("triage of a 1 GB log", median_s(lambda: _triaged(repo, incident)), 1.0, "s")


def _triaged(repo: Path, incident: Path) -> None:
    folder = IncidentFolder(incident)
    repository = Repository(repo, folder.incident().commit)
    truth = from_files(repository.files("truth/"), repository.read)
    assert triage(folder, repository, truth).verdict == "fixable"
    repository.close()
