"""grep_services: what it finds, how it is cut, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import ValidationError

from tools.grep_services import GrepServices
from tools.incident import IncidentFolder
from tools.repository import Repository
from tools.tool import ToolError, Workbench

if TYPE_CHECKING:
    from tests.tools.conftest import GitRepository

TOKENS = 1_300


def bench_for(repository: GitRepository) -> Workbench:
    return Workbench(
        folder=IncidentFolder(Path("unused")),
        service="vigil",
        repository=Repository(repository.path),
        gate=cast(Any, None),
        redact=lambda text: text.replace("sk-very-secret-value", "[REDACTED:api_key]"),
    )


@pytest.fixture
def bench(marketswarm: GitRepository) -> Workbench:
    return bench_for(marketswarm)


def search(bench: Workbench, pattern: str, *, regex: bool = False, path: str | None = None) -> str:
    return GrepServices.model_validate({"pattern": pattern, "regex": regex, "path": path}).answer(bench)


def test_the_own_service_comes_first(bench: Workbench) -> None:
    assert search(bench, "SERVICE_NAME =").splitlines() == [
        "2 matches in 2 files:",
        'services/vigil/main.py:7: SERVICE_NAME = "vigil"',
        'services/massive/main.py:7: SERVICE_NAME = "massive"',
    ]


def test_a_regular_expression_in_one_folder(bench: Workbench) -> None:
    assert search(bench, r"async def (main|run)\b", regex=True, path="services/vigil/intel").splitlines() == [
        "1 match in 1 file:",
        "services/vigil/intel/orchestrator.py:5: async def run(name):",
    ]


def test_one_file_can_be_searched(bench: Workbench) -> None:
    assert "services/sse/src/index.js:2:" in search(bench, "3001", path="services/sse/src/index.js")


def test_nothing_found_says_where_and_how_it_looked(bench: Workbench) -> None:
    assert search(bench, "run.*name", path="services/vigil") == (
        "no line of services/vigil holds 'run.*name' (a literal text)"
    )


def test_secret_files_are_not_searched(bench: Workbench) -> None:
    assert "hunter2" not in search(bench, "hunter2-").replace("'hunter2-'", "")
    with pytest.raises(ToolError):
        search(bench, "PASSWORD", path="services/vigil/.env")


def test_secrets_in_found_lines_are_redacted(bench: Workbench) -> None:
    answer = search(bench, "API_KEY")

    assert "sk-very-secret-value" not in answer
    assert "[REDACTED:api_key]" in answer


def test_folders_that_are_not_readable_are_not_searched(git_repository: GitRepository) -> None:
    files = {
        "ui/app.js": "needle",
        "services/vigil/a.py": "needle",
        "requirements.txt": "needle",
        "x.py": "needle",
    }
    git_repository.commit("first", files)

    found = search(bench_for(git_repository), "needle").splitlines()[1:]

    assert found == ["services/vigil/a.py:1: needle", "requirements.txt:1: needle"]


def test_many_matches_are_cut_with_counts_within_the_bound(git_repository: GitRepository) -> None:
    files = {
        f"services/s{number:03}/intel/orchestrator.py": "needle = compute(1)\n" * 40 for number in range(120)
    }
    git_repository.commit("many", {**files, "services/vigil/main.py": "needle = 1\n" * 200})

    answer = search(bench_for(git_repository), "needle")

    assert answer.startswith("5000 matches in 121 files:\nservices/vigil/main.py:1: needle = 1")
    assert "services/vigil/main.py: 199 more matches" in answer
    assert "[cut; matches not shown: services/s" in answer
    assert len(answer) / 4 <= TOKENS


def test_every_file_shows_a_line_before_any_shows_all(git_repository: GitRepository) -> None:
    files = {f"services/s{number}/main.py": "needle = compute(1)\n" * 300 for number in range(10)}
    git_repository.commit("even", files)

    answer = search(bench_for(git_repository), "needle")

    assert all(f"services/s{number}/main.py:1: needle" in answer for number in range(10))
    assert len(answer) / 4 <= TOKENS


def test_an_endless_line_is_cut(git_repository: GitRepository) -> None:
    git_repository.commit("minified", {"services/sse/app.js": "needle" + "x" * 100_000})

    answer = search(bench_for(git_repository), "needle")

    assert len(answer) < 400
    assert answer.endswith("[...]")


@pytest.mark.parametrize(
    ("pattern", "regex", "reason"),
    [
        ("", False, "empty"),
        ("(", True, "parenthes"),
        ("[z-a]", True, "failed"),
        ("a\nb", False, "line by line"),
        ("x" * 600, True, "at most 500"),
    ],
)
def test_a_pattern_that_cannot_be_searched_is_said(
    bench: Workbench, pattern: str, regex: bool, reason: str
) -> None:
    with pytest.raises(ToolError, match=reason):
        search(bench, pattern, regex=regex)


@pytest.mark.parametrize("path", ["/etc", "../..", "services/none", "--help", ":(top)services", ".git", ""])
def test_a_path_that_cannot_be_searched_is_refused(bench: Workbench, path: str) -> None:
    with pytest.raises(ToolError):
        search(bench, "main", path=path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"pattern": "x"},
        {"pattern": "x", "regex": "true", "path": None},
        {"pattern": "x", "regex": 1, "path": None},
        {"pattern": None, "regex": False, "path": None},
        {"pattern": "x", "regex": False, "path": None, "context": 3},
    ],
)
def test_arguments_of_the_wrong_shape_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GrepServices.model_validate(arguments)
