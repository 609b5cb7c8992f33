"""The commit as everyone reads it, on real repositories of every shape that a target has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.repository import FileMissing, NotAFile, Repository, RepositoryError, SearchError, UnknownCommit
from tools.repository.tree import LARGEST_FILE

if TYPE_CHECKING:
    from tests.tools.conftest import GitRepository


@pytest.fixture
def repository(marketswarm: GitRepository) -> Iterator[Repository]:
    repository = Repository(marketswarm.path)
    yield repository
    repository.close()


def test_reads_the_commit_and_not_the_working_tree(git_repository: GitRepository) -> None:
    commit = git_repository.commit("first", {"services/a/main.py": "committed\n"})
    git_repository.write({"services/a/main.py": "dirty\n", "services/a/new.py": ""})

    repository = Repository(git_repository.path, commit)

    assert repository.read("services/a/main.py") == b"committed\n"
    assert not repository.exists("services/a/new.py")


def test_reads_an_earlier_commit_that_is_named(repository: Repository, marketswarm: GitRepository) -> None:
    first = marketswarm.git("rev-list", "--max-parents=0", "HEAD")

    assert b"print" in repository.read("services/vigil/main.py")
    assert b"print" not in repository.read("services/vigil/main.py", first[:8])
    assert repository.read("services/vigil/intel/filters.py", first).startswith(b"def spikes")


def test_lists_files_and_services(repository: Repository) -> None:
    assert repository.services() == ["massive", "sse", "vigil"]
    assert repository.files("services/sse/") == ["services/sse/src/index.js"]
    assert repository.exists("shared/heartbeat.py")
    assert not repository.exists("shared")


def test_a_bare_repository_and_a_linked_worktree_read_the_same(
    marketswarm: GitRepository, tmp_path: Path
) -> None:
    bare, linked = tmp_path / "bare one.git", tmp_path / "linked one"
    marketswarm.git("clone", "-q", "--bare", ".", str(bare))
    marketswarm.git("worktree", "add", "-q", "--detach", str(linked))

    contents = {
        (
            repository.commit,
            repository.read("services/vigil/main.py"),
            repository.history("shared", 1)[0].subject,
        )
        for repository in map(Repository, (marketswarm.path, bare, linked))
    }

    assert len(contents) == 1


def test_a_folder_that_is_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownCommit, match="not the top folder of a git repository"):
        Repository(tmp_path)


def test_a_subfolder_of_a_repository_is_not_taken_for_one(marketswarm: GitRepository) -> None:
    with pytest.raises(UnknownCommit, match="not the top folder of a git repository"):
        Repository(marketswarm.path / "services")


@pytest.mark.parametrize("commit", ["0" * 40, "deadbeef", "main", "HEAD~1", "--output=x", ":/first", ""])
def test_an_unknown_commit_or_an_expression_is_refused(marketswarm: GitRepository, commit: str) -> None:
    with pytest.raises(UnknownCommit):
        Repository(marketswarm.path, commit)


def test_a_missing_file_names_the_nearest_ones(repository: Repository) -> None:
    with pytest.raises(FileMissing, match=r"Nearest names: services/vigil/intel/orchestrator\.py") as caught:
        repository.read("services/vigil/intel/orchestrater.py")

    assert caught.value.last_commit is None


def test_a_missing_file_finds_its_namesake_elsewhere_closest_first(repository: Repository) -> None:
    assert repository.nearest("services/vigil/src/main.py") == (
        "services/vigil/main.py",
        "services/massive/main.py",
    )


def test_a_file_that_history_has_names_the_commit_that_had_it_last(
    repository: Repository, marketswarm: GitRepository
) -> None:
    lost = "services/vigil/intel/filters.py"
    first = marketswarm.git("rev-list", "--max-parents=0", "HEAD")

    assert repository.last_commit_with(lost) == first
    with pytest.raises(FileMissing, match=first[:10]):
        repository.read(lost)
    assert repository.read(lost, first)


def test_a_file_that_lived_on_a_merged_branch_only_is_found(git_repository: GitRepository) -> None:
    git_repository.commit("base", {"a.txt": "1"})
    git_repository.git("checkout", "-q", "-b", "side")
    with_file = git_repository.commit("add", {"services/a/intel/lost.py": "x = 1\n"})
    git_repository.git("checkout", "-q", "main")
    git_repository.commit("other", {"b.txt": "1"})
    git_repository.git("merge", "-q", "-s", "ours", "--no-edit", "side")

    assert Repository(git_repository.path).last_commit_with("services/a/intel/lost.py") == with_file


def test_history_is_newest_first_and_bounded(repository: Repository) -> None:
    subjects = [change.subject for change in repository.history("services/vigil")]

    assert subjects == ["log the start", "tidy up", "first version"]
    assert len(repository.history("services/vigil", 1)) == 1
    assert repository.history("services/none") == []


def test_blame_names_the_commit_of_one_line(repository: Repository) -> None:
    number = repository.read("services/vigil/main.py").split(b"\n").index(b"    print('on')") + 1

    change = repository.blame_line("services/vigil/main.py", number)

    assert (change.subject, change.author) == ("log the start", "Ernie")
    assert repository.blame_line("services/vigil/main.py", 1).subject == "first version"
    with pytest.raises(RepositoryError, match="has no line 9999"):
        repository.blame_line("services/vigil/main.py", 9999)


def test_a_symbolic_link_is_not_followed(git_repository: GitRepository) -> None:
    outside = git_repository.path.parent / "secret.txt"
    outside.write_text("secret")
    git_repository.write({"services/a/main.py": ""})
    (git_repository.path / "services/a/link.py").symlink_to(outside)
    (git_repository.path / "services/b").symlink_to("a")
    git_repository.commit("links")
    repository = Repository(git_repository.path)

    with pytest.raises(NotAFile, match=r"symbolic link to '.*secret\.txt'"):
        repository.read("services/a/link.py")
    with pytest.raises(FileMissing):
        repository.read("services/b/main.py")
    assert repository.files("services/") == ["services/a/main.py"]


def test_a_submodule_and_a_folder_are_said(git_repository: GitRepository) -> None:
    head = git_repository.commit("first", {"services/a/main.py": ""})
    git_repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},services/a/vendor")
    git_repository.git("commit", "-q", "-m", "submodule")
    repository = Repository(git_repository.path)

    with pytest.raises(NotAFile, match="submodule"):
        repository.read("services/a/vendor")
    with pytest.raises(NotAFile, match="folder"):
        repository.read("services/a")


def test_an_over_large_file_is_not_loaded(git_repository: GitRepository) -> None:
    git_repository.commit("big", {"services/a/big.txt": b"x" * (LARGEST_FILE + 1)})

    with pytest.raises(NotAFile, match=f"holds {LARGEST_FILE + 1} bytes"):
        Repository(git_repository.path).read("services/a/big.txt")


def test_a_blob_that_the_clone_lacks_is_said(git_repository: GitRepository) -> None:
    git_repository.commit("first", {"services/a/lost.py": "gone = 1\n", "services/a/main.py": "here = 1\n"})
    blob = git_repository.git("rev-parse", "HEAD:services/a/lost.py")
    (git_repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    repository = Repository(git_repository.path)

    assert repository.read("services/a/main.py") == b"here = 1\n"
    with pytest.raises(NotAFile, match="missing from this clone"):
        repository.read("services/a/lost.py")


def test_a_damaged_commit_is_said(git_repository: GitRepository) -> None:
    git_repository.commit("first", {"services/a/main.py": "here = 1\n"})
    tree = git_repository.git("rev-parse", "HEAD^{tree}")
    (git_repository.path / ".git/objects" / tree[:2] / tree[2:]).unlink()

    with pytest.raises(RepositoryError, match="cannot be read"):
        Repository(git_repository.path).services()


def test_a_search_without_end_keeps_the_first_matches_only(git_repository: GitRepository) -> None:
    git_repository.commit(
        "huge", {f"services/a/{n}.txt": "needle " * 12 + "\n" * 9 + "needle\n" * 90_000 for n in "12345678"}
    )

    matches = Repository(git_repository.path).grep("needle")

    assert matches.cut
    assert len(matches.found) > 1_000
    assert all("needle" in match.text and match.path.startswith("services/a/") for match in matches.found)


def test_paths_with_spaces_quotes_and_other_scripts(git_repository: GitRepository) -> None:
    names = [
        "services/a/with space.py",
        'services/a/quo"te.py',
        "services/a/überfällig.py",
        "services/a/:(top)x.py",
    ]
    git_repository.commit("odd", dict.fromkeys(names, "needle = 1\n"))
    repository = Repository(git_repository.path)

    assert sorted(repository.files()) == sorted(names)
    assert all(repository.read(name) == b"needle = 1\n" for name in names)
    assert repository.history(names[0])[0].subject == "odd"
    assert sorted(match.path for match in repository.grep("needle").found) == sorted(names)


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        ("/Users/ernie/MarketSwarm/services/vigil/main.py", "services/vigil/main.py"),
        ("C:\\swarm\\services\\vigil\\main.py", "services/vigil/main.py"),
        ("./shared/heartbeat.py", "shared/heartbeat.py"),
        ("/usr/lib/python3.11/asyncio/runners.py", None),
    ],
)
def test_a_logged_path_is_located_by_its_longest_suffix(
    repository: Repository, logged: str, expected: str | None
) -> None:
    assert repository.locate(logged) == expected


def test_search_is_literal_unless_asked(repository: Repository) -> None:
    assert [match.path for match in repository.grep("run(name)").found] == [
        "services/vigil/intel/orchestrator.py"
    ]
    assert repository.grep("run(name", regex=False).found
    found = repository.grep(r"async\s+def\s+\w+", regex=True, paths=["services/vigil"]).found
    assert [(match.path, match.line) for match in found] == [
        ("services/vigil/intel/orchestrator.py", 5),
        ("services/vigil/main.py", 10),
    ]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a\nb", "line by line"),
        ("a\0b", "line by line"),
        ("x" * 501, "at most 500"),
    ],
)
def test_a_pattern_that_cannot_be_searched_is_refused(
    repository: Repository, pattern: str, reason: str
) -> None:
    with pytest.raises(SearchError, match=reason):
        repository.grep(pattern)


def test_a_broken_expression_is_said(repository: Repository) -> None:
    with pytest.raises(SearchError, match="parenthes"):
        repository.grep("(", regex=True)


def test_a_pattern_that_looks_like_an_option_is_a_pattern(repository: Repository) -> None:
    assert repository.grep("--open-files-in-pager=touch", regex=False).found == ()


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r"(.*a){25}c", r"(x+x+)+y"])
def test_a_catastrophic_expression_is_bounded_in_time(git_repository: GitRepository, pattern: str) -> None:
    line = "a" * 40 + "x" * 40 + "!\n"
    git_repository.commit("evil", {f"services/a/{number}.py": line * 200 for number in range(20)})
    repository = Repository(git_repository.path)
    started = time.monotonic()

    try:
        answer = repository.grep(pattern, regex=True, seconds=1.0).found
    except SearchError as error:
        answer = str(error)

    assert time.monotonic() - started < 3
    assert not answer or "limit" in answer or "longer than" in answer


def test_definitions_in_python_and_javascript(repository: Repository) -> None:
    assert [match.path for match in repository.definitions("Orchestrator")] == [
        "services/vigil/intel/orchestrator.py"
    ]
    assert [match.line for match in repository.definitions("run")] == [5]
    assert [match.path for match in repository.definitions("start")] == ["services/sse/src/index.js"]
    assert [match.text for match in repository.definitions("PORT")] == ["const PORT = 3001;"]
    assert repository.definitions("nothing_of_this_name") == ()
    with pytest.raises(SearchError, match="not the name"):
        repository.definitions("a.b(c)")
