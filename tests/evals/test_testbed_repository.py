"""The testbed's repository: the same past every time, and the tree as its present."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.testbed.faults import FAULTS, FaultError
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


def test_the_context_names_every_service_port_channel_and_key_of_truth(repository: TestbedRepository) -> None:
    context = (repository.path / "docs/healer-context.md").read_text(encoding="utf-8")
    assert len(context) < 4 * 5000
    for file in sorted((repository.path / "truth/components").glob("*.json")):
        component = json.loads(file.read_text())
        assert f"| {file.stem} " in context, file.stem
        assert component["entry_point"] in context
        for item in component["outputs"]["redis"]:
            assert item["name"] in context, item["name"]
        if "http" in component["outputs"]:
            assert f"| {component['outputs']['http']['port']} |" in context


def test_every_fault_fits_the_tree_and_is_the_same_commits_every_time(repository: TestbedRepository) -> None:
    for fault in FAULTS.values():
        heads = set()
        for _ in range(2):
            git(repository.path, "reset", "--quiet", "--hard", repository.head)
            heads.add(fault.apply(repository.path))
        assert len(heads) == 1
        assert git(repository.path, "status", "--porcelain") == "", fault.id
        if fault.wrong_fix:
            git(repository.path, "apply", "--check", str(fault.wrong_fix))
        if fault.fix:
            fault.mend(repository.path)
            changed = git(repository.path, "ls-files", "--modified", "--others").split()
            assert changed, fault.id
            assert all(path.startswith(f"services/{fault.service}/") for path in changed), fault.id


def test_no_two_faults_are_the_same_case() -> None:
    assert len({(fault.service, fault.symptom, fault.culprit) for fault in FAULTS.values()}) == len(FAULTS)
    for fault in FAULTS.values():
        assert (fault.fix is not None) == (fault.group == "fixable") or fault.group == "trap", fault.id
        assert fault.fix is not None or fault.action, fault.id


def test_a_patch_that_does_not_fit_says_which(repository: TestbedRepository) -> None:
    fault = FAULTS["vigil-relative-move"]
    fault.apply(repository.path)
    with pytest.raises(FaultError, match=r"vigil-relative-move/1\.patch does not fit"):
        fault.apply(repository.path)
    with pytest.raises(FaultError, match="no reference fix"):
        FAULTS["mesh-module-missing"].mend(repository.path)


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
