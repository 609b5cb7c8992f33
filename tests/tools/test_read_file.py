"""read_file: what it shows, how it goes on, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import ValidationError

from tools.incident import IncidentFolder
from tools.read_file import ReadFile
from tools.repository import Repository
from tools.tool import RESULT_CHARACTERS, ToolError, Workbench

if TYPE_CHECKING:
    from tests.tools.conftest import GitRepository


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


def read(bench: Workbench, path: str, **arguments: object) -> str:
    call: dict[str, object] = {"path": path, "start": None, "end": None, "commit": None, **arguments}
    return ReadFile.model_validate(call).answer(bench)


def test_lines_are_numbered_and_titled(bench: Workbench) -> None:
    answer = read(bench, "services/vigil/intel/orchestrator.py")

    assert answer.splitlines() == [
        "services/vigil/intel/orchestrator.py, lines 1 to 6 of 6:",
        "    1  class Orchestrator:",
        "    2      pass",
        "    3  ",
        "    4  ",
        "    5  async def run(name):",
        "    6      return name",
    ]


def test_a_part_says_how_to_go_on(bench: Workbench) -> None:
    answer = read(bench, "services/vigil/intel/orchestrator.py", start=5, end=5)

    assert answer.splitlines()[1:] == ["    5  async def run(name):", "[1 more line: continue with start=6]"]


def test_a_long_file_comes_in_pages_that_join_up(git_repository: GitRepository) -> None:
    lines = [f"value_{number} = {number}  # {'x' * 60}" for number in range(1000)]
    git_repository.commit("long", {"services/vigil/long.py": "\n".join(lines) + "\n"})
    bench = bench_for(git_repository)

    seen: list[str] = []
    start = 1
    while start <= 1000:
        page = read(bench, "services/vigil/long.py", start=start)
        assert len(page) < RESULT_CHARACTERS
        numbered = [line[7:] for line in page.splitlines()[1:] if not line.startswith("[")]
        assert numbered
        seen += numbered
        start += len(numbered)

    assert seen == lines


def test_one_endless_line_is_cut_and_the_rest_is_reached(git_repository: GitRepository) -> None:
    git_repository.commit("minified", {"services/sse/app.js": "x" * 300_000 + "\nend\n"})

    answer = read(bench_for(git_repository), "services/sse/app.js")

    assert "299400 more characters in this line" in answer
    assert answer.splitlines()[-1] == "    2  end"


def test_secrets_are_redacted_also_in_truth(bench: Workbench) -> None:
    answer = read(bench, "truth/components/vigil.json")

    assert "sk-very-secret-value" not in answer
    assert "[REDACTED:api_key]" in answer


def test_an_earlier_commit_is_read_and_named(bench: Workbench, marketswarm: GitRepository) -> None:
    first = marketswarm.git("rev-list", "--max-parents=0", "HEAD")

    answer = read(bench, "services/vigil/intel/filters.py", commit=first[:10])

    assert answer.startswith(f"services/vigil/intel/filters.py at {first[:10]}, lines 1 to 2 of 2:")


def test_a_path_as_logged_on_another_machine_is_found(bench: Workbench) -> None:
    answer = read(bench, "/Users/ernie/MarketSwarm/services/massive/main.py")

    assert answer.startswith("services/massive/main.py, lines 1 to")


def test_an_empty_file_is_said(git_repository: GitRepository) -> None:
    git_repository.commit("empty", {"services/vigil/__init__.py": ""})

    assert (
        read(bench_for(git_repository), "services/vigil/__init__.py") == "services/vigil/__init__.py is empty"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("services/vigil/.env", "secret|credential|environment"),
        ("../outside.py", ""),
        ("/etc/passwd", ""),
        ("services/../../etc/passwd", ""),
        (".git/config", ""),
        ("services/vigil/main.py\0.txt", ""),
        ("", ""),
        ("services/vigil", "folder, name one of its files: .*intel/orchestrator.py, main.py"),
        ("services/vigil/", "folder"),
        ("services/vigil/mian.py", "Nearest names: services/vigil/main.py"),
        ("services/vigil/intel/filters.py", "History has it"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(bench: Workbench, path: str, reason: str) -> None:
    with pytest.raises(ToolError, match=f"(?i){reason}") as refusal:
        read(bench, path)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ({"start": 0}, "counted from 1"),
        ({"start": -5}, "counted from 1"),
        ({"start": 7}, "has 6 lines"),
        ({"start": 3, "end": 2}, "end of at least 3"),
    ],
)
def test_lines_that_do_not_exist_are_said(bench: Workbench, lines: dict[str, int], reason: str) -> None:
    with pytest.raises(ToolError, match=reason):
        read(bench, "services/vigil/intel/orchestrator.py", **lines)


def test_an_end_beyond_the_file_is_the_end(bench: Workbench) -> None:
    assert "lines 5 to 6 of 6" in read(bench, "services/vigil/intel/orchestrator.py", start=5, end=99)


def test_a_binary_file_is_said(git_repository: GitRepository) -> None:
    git_repository.commit("binary", {"services/vigil/model.pkl": b"\x80\x04\x00\x00" * 10})

    with pytest.raises(ToolError, match="binary file of 40 bytes"):
        read(bench_for(git_repository), "services/vigil/model.pkl")


def test_bytes_that_are_not_utf8_are_shown_replaced(git_repository: GitRepository) -> None:
    git_repository.commit("latin", {"services/vigil/latin.py": "# caf\xe9\n".encode("latin-1")})

    assert "# caf\ufffd" in read(bench_for(git_repository), "services/vigil/latin.py")


@pytest.mark.parametrize("commit", ["main", "0" * 40, "--all", "HEAD^"])
def test_a_commit_that_is_none_is_said(bench: Workbench, commit: str) -> None:
    with pytest.raises(ToolError, match="commit"):
        read(bench, "services/vigil/main.py", commit=commit)


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "services/vigil/main.py"},
        {"path": 1, "start": None, "end": None, "commit": None},
        {"path": "a", "start": True, "end": None, "commit": None},
        {"path": "a", "start": "1", "end": None, "commit": None},
        {"path": "a", "start": None, "end": None, "commit": None, "encoding": "utf-8"},
    ],
)
def test_arguments_of_the_wrong_shape_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReadFile.model_validate(arguments)
