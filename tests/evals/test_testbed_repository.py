"""The testbed's repository: the same past every time, and the tree as its present."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.testbed.faults import FAULTS, Edit, Fault, FaultError
from evals.testbed.history import CHANGES
from evals.testbed.repository import TREE, TestbedRepository, git, make_repository, tree_files


@pytest.fixture
def repository(tmp_path: Path) -> TestbedRepository:
    return make_repository(tmp_path / "repo")


def test_the_same_history_every_time(tmp_path: Path, repository: TestbedRepository) -> None:
    again = make_repository(tmp_path / "again")
    assert again.head == repository.head
    subjects = git(again.path, "log", "--format=%s", "--reverse").splitlines()
    assert subjects == [change.message.splitlines()[0] for change in CHANGES]


def test_the_user_s_git_configuration_has_no_say(
    tmp_path: Path, repository: TestbedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n name = Somebody\n email = s@example.invalid\n[commit]\n gpgSign = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    assert make_repository(tmp_path / "again").head == repository.head


def test_the_last_commit_is_the_tree(repository: TestbedRepository) -> None:
    tracked = git(repository.path, "ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")[:-1]
    assert sorted(tracked) == tree_files()
    for name in tracked:
        assert (repository.path / name).read_bytes() == (TREE / name).read_bytes(), name


def test_scripts_stay_executable(repository: TestbedRepository) -> None:
    modes = git(repository.path, "ls-tree", "-r", "HEAD", "scripts/").splitlines()
    assert {line.split("\t")[1] for line in modes if line.startswith("100755")} >= {
        "scripts/ms-vigil.sh",
        "scripts/ms-build-truth.sh",
    }


def test_every_listed_component_has_a_file_and_a_script(repository: TestbedRepository) -> None:
    node = json.loads((repository.path / "truth/mm_node.json").read_text())
    for name in node["components"]:
        component = json.loads((repository.path / f"truth/components/{name}.json").read_text())
        assert component["meta"]["name"] == name
        assert (repository.path / f"scripts/ms-{name}.sh").exists()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_the_same_commits_every_time(tmp_path: Path, fault: Fault) -> None:
    heads = []
    for name in ("one", "two"):
        repo = make_repository(tmp_path / name)
        heads.append(fault.apply(repo.path))
        assert git(repo.path, "status", "--porcelain") == ""
    assert heads[0] == heads[1]
    fault.mend(tmp_path / "one")
    changed = git(tmp_path / "one", "diff", "--name-only").splitlines()
    assert all(path.startswith(f"services/{fault.service}/") for path in changed)
    assert bool(changed) == (fault.group == "fixable")


def test_an_edit_that_does_not_fit_says_so(repository: TestbedRepository) -> None:
    with pytest.raises(FaultError, match="0 times"):
        Edit("shared/redis_io.py", "no such text", "").apply(repository.path)


def test_the_services_tests_say_what_the_context_says(repository: TestbedRepository) -> None:
    """Green in most services; in journal one is red and one file cannot be imported, on a healthy tree."""
    services = repository.path / "services"
    folders = sorted(str(path.relative_to(repository.path)) for path in services.glob("*/tests"))
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            *folders,
        ],
        cwd=repository.path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    bad = {line.split(" - ")[0] for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR "))}
    assert bad == {
        "FAILED services/journal/tests/test_analytics.py::test_days_are_those_of_the_exchange",
        "ERROR services/journal/tests/test_routes.py",
    }
    assert " passed" in ran.stdout.splitlines()[-1]
