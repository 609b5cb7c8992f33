"""A real incident becomes a case that can be run, with nothing in it that is secret."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.diagnosis import Category
from agent.store import Store
from evals.cases import INCIDENTS, load_case
from evals.export import ExportError, export
from evals.run.perform import Job, perform
from evals.testbed.faults import FAULTS
from evals.testbed.repository import commit, git, make_repository
from tools.incident import IncidentFolder

FAULT = FAULTS["rss-no-date"]
SECRET = "FAKE-mysql-pass-9f2c-not-real"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository in which a person has merged a fix."""
    made = make_repository(tmp_path / "repo").path
    FAULT.apply(made)
    FAULT.mend(made)
    commit(made, "rss_agg: entries without a date", date="2026-03-09T10:00:00-05:00", author="li")
    return made


@pytest.fixture
def incident(tmp_path: Path, repo: Path) -> IncidentFolder:
    """The incident as a store has it, under an id of its own, with a secret that the capture missed."""
    folder = tmp_path / "rss_agg-20261122-1"
    shutil.copytree(INCIDENTS / FAULT.id, folder, ignore=shutil.ignore_patterns("truth.toml"))
    about = json.loads((folder / "incident.json").read_text())
    (folder / "incident.json").write_text(json.dumps({**about, "id": folder.name, "repo": str(repo)}))
    with (folder / "log.txt").open("a") as log:
        log.write(f"password={SECRET}\n")
    return IncidentFolder(folder)


def test_an_exported_case_can_be_run(tmp_path: Path, repo: Path, incident: IncidentFolder) -> None:
    made = export(incident, repo, "HEAD", Category.BAD_DATA, tmp_path / "cases")
    case = load_case(made)
    assert case.fault is None and case.truth.unseen and case.truth.fixable
    assert case.truth.root_cause == "rss_agg: entries without a date"
    assert case.truth.culprit is not None
    assert case.truth.culprit.file == "services/rss_agg/intel/orchestrator.py"
    assert not any(SECRET in file.read_text() for file in made.rglob("*") if file.is_file())
    assert str(repo) not in (made / "incident.json").read_text()
    job = Job(made, "rules", 1, tmp_path / "work", tmp_path / "record", "code", origin=repo)
    answer = perform(job)
    assert (answer.verdict, answer.category_right, answer.file_right) == ("fixable", True, True)
    assert git(tmp_path / "work" / "marketswarm", "rev-parse", "HEAD").strip() == case.commit


def test_a_commit_that_mends_nothing_there_is_no_reference(
    tmp_path: Path, repo: Path, incident: IncidentFolder
) -> None:
    with pytest.raises(ExportError, match="is no fix of this incident"):
        export(incident, repo, "HEAD~2", Category.BAD_DATA, tmp_path / "cases")
    with pytest.raises(ExportError, match="is no fix of this incident"):
        export(incident, repo, "no-such-commit", Category.BAD_DATA, tmp_path / "cases")
    with pytest.raises(ExportError, match="it does not come after"):
        export(incident, repo, "HEAD~2", Category.BAD_DATA, tmp_path / "cases")
    with pytest.raises(ExportError, match="it is the commit that crashed"):
        export(incident, repo, incident.incident().commit, Category.BAD_DATA, tmp_path / "cases")
    tests = repo / "services" / "rss_agg" / "tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_new.py").write_text("def test_it() -> None:\n    assert 1\n")
    commit(repo, "a test", date="2026-03-10T09:00:00-05:00", author="li")
    with pytest.raises(ExportError, match="but tests"):
        export(incident, repo, "HEAD", Category.BAD_DATA, tmp_path / "cases")
    assert not (tmp_path / "cases").exists()
    (repo / "README.md").write_text("other\n")
    commit(repo, "other", date="2026-03-10T10:00:00-05:00", author="li")
    with pytest.raises(ExportError, match="changes nothing in services/rss_agg"):
        export(incident, repo, "HEAD", Category.BAD_DATA, tmp_path / "cases")


def test_the_command_exports(tmp_path: Path, repo: Path, incident: IncidentFolder) -> None:
    state, into = ("--state", str(tmp_path / "state")), ("--into", str(tmp_path / "cases"))
    Store(tmp_path / "state").add(incident)
    words = [*state, "incidents", "export", incident.path.name, "--fix", "HEAD", *into]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "was not diagnosed yet: say what it was with --category" in told.output
    told = CliRunner().invoke(main, [*words, "--category", "bad_data"])
    assert told.exit_code == 0, told.output
    assert f"run it with autohealer eval run --cases {tmp_path / 'cases'} --repo {repo}" in told.output
    assert (tmp_path / "cases" / incident.path.name / "fix.patch").read_text().startswith("diff --git")
