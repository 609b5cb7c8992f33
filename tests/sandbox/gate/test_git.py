"""Git's plumbing: what surrounds it does not reach it, and its failures have words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.git import GitError, blobs, git, is_object_id, unquoted
from sandbox.target import locate, quoted


@pytest.fixture
def git_dir(target) -> Path:
    return target.path / ".git"


def test_the_callers_environment_does_not_reach_it(git_dir: Path, tmp_path: Path, monkeypatch) -> None:
    marker = tmp_path / "marker"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {script}\n\tbare = nonsense\n")
    hostile = {
        "GIT_DIR": str(tmp_path), "GIT_WORK_TREE": str(tmp_path), "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path), "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "nonsense", "GIT_CONFIG_PARAMETERS": "'core.bare=nonsense'", "HOME": str(tmp_path),
        "GIT_TRACE": str(marker), "GIT_TRACE2": str(marker), "GIT_EXTERNAL_DIFF": str(script),
        "GIT_SSH_COMMAND": str(script), "GIT_NAMESPACE": "x", "GIT_EXEC_PATH": str(tmp_path), "LANG": "de_DE.UTF-8",
    }  # fmt: skip
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    assert is_object_id(git(git_dir, "rev-parse", "HEAD").decode().strip())
    assert b"root.py" in git(git_dir, "ls-tree", "--name-only", "HEAD")
    assert not marker.exists()


def test_a_failure_has_gits_own_words(git_dir: Path) -> None:
    with pytest.raises(GitError, match="git rev-parse: Needed a single revision"):
        git(git_dir, "rev-parse", "--verify", "nope")
    with pytest.raises(GitError, match="not a git repository"):
        git(git_dir / "hooks", "rev-parse", "HEAD")
    with pytest.raises(GitError, match="could not be started"):
        git(git_dir / "missing", "rev-parse", "HEAD")


def test_a_failure_without_words_has_its_exit_code(git_dir: Path) -> None:
    with pytest.raises(GitError, match="git show-ref: exit code 1"):
        git(git_dir, "show-ref", "--verify", "--quiet", "refs/heads/nope")


def test_it_does_not_wait_for_ever(git_dir: Path, tmp_path: Path, monkeypatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(GitError, match=r"took longer than 0\.2 s"):
        git(git_dir, "rev-parse", "HEAD", timeout=0.2)


def test_git_that_is_not_installed(git_dir: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="could not be started"):
        git(git_dir, "rev-parse", "HEAD")


def test_nothing_is_fetched(target, tmp_path: Path) -> None:
    for url in (target.path.as_uri(), str(target.path), "https://127.0.0.1:1/x", "ext::touch /tmp/x"):
        with pytest.raises(GitError, match="not allowed"):
            git(target.path / ".git", "ls-remote", url)


def test_a_pattern_is_a_plain_name(target, git_dir: Path) -> None:
    assert git(git_dir, "ls-tree", "-r", "--name-only", "HEAD", "--", "*.py", ":(glob)**") == b""


def test_contents_come_in_order_and_again(target, git_dir: Path) -> None:
    names = ["root.py", "services/a/logo.png", "services/a/intel/__init__.py", "root.py", "services/a/big.py"]
    ids = [target.git("rev-parse", f"HEAD:{name}") for name in names]
    found = list(blobs(git_dir, ids))
    assert found == [git(git_dir, "cat-file", "blob", oid) for oid in ids]
    assert list(blobs(git_dir, [])) == []


def test_a_reader_that_stops_early_leaves_no_process(target, git_dir: Path) -> None:
    ids = [target.git("rev-parse", "HEAD:services/a/big.py")] * 5000
    # Other tests of this process may have readers that nobody has closed yet.
    others = _readers()
    reader = blobs(git_dir, ids)
    assert next(reader)
    assert _readers() - others
    reader.close()
    assert not _readers() - others


def _readers() -> set[str]:
    """The processes that this one has for reading, by their ids."""
    words = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(os.getpid())]
    running = subprocess.run(words, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[0] for line in running if "cat-file" in line}


def test_what_is_no_content(target, git_dir: Path) -> None:
    tree, blob = target.git("rev-parse", "HEAD^{tree}", "HEAD:root.py").split()
    with pytest.raises(GitError, match="missing or no file"):
        list(blobs(git_dir, [blob, "0" * 40]))
    with pytest.raises(GitError, match="missing or no file"):
        list(blobs(git_dir, [tree]))
    with pytest.raises(GitError, match="more than the 3 that are allowed"):
        list(blobs(git_dir, [blob], largest=3))


def test_object_ids() -> None:
    assert is_object_id("a" * 40)
    assert is_object_id("0" * 64)
    for text in ("a" * 39, "a" * 41, "A" * 40, "a" * 40 + "\n", "", "HEAD", "g" * 40):
        assert not is_object_id(text)


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(NAMES)
def test_a_name_survives_quotes(name: str) -> None:
    path = Path("/") / name.lstrip("/")
    line = quoted(path)
    assert b"\n" not in line
    assert unquoted(line) == os.fsencode(path)


def test_a_name_that_is_not_quoted_stays() -> None:
    for name in (b"plain", b'"', b'"open', b'"bad \\x"', b""):
        assert unquoted(name) == name
    assert unquoted(b'"Gr\\303\\266\\303\\237e \\"x\\" \\t"') == 'Größe "x" \t'.encode()


def test_where_a_target_keeps_its_things(target, make_target, tmp_path: Path) -> None:
    assert locate(target.path).common_dir == (target.path / ".git").resolve()
    small = make_target()
    small.commit("x", {"f": "x"})
    small.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = locate(tmp_path / "linked")
    assert linked.common_dir == (small.path / ".git").resolve()
    assert linked.git_dir == (small.path / ".git/worktrees/linked").resolve()
    with pytest.raises(GitError, match="not the top folder"):
        locate(small.path / "missing")


def test_alternates_that_go_round_or_nowhere(make_target) -> None:
    small = make_target()
    small.commit("x", {"f": "x"})
    info = small.path / ".git/objects/info/alternates"
    info.write_text(f"{small.path}/.git/objects\n/nowhere\n../objects\n")
    assert locate(small.path).object_stores() == ((small.path / ".git/objects").resolve(),)
