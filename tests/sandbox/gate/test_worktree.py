"""Worktrees of the private repository: exact, reused, exclusive, and gone when they should be."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.git import GitError, git
from sandbox.patch import Edit, from_edits
from sandbox.pool import SLOTS, open_pool, open_pool_at
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository, WorktreeError, service_paths

HOLD = """
import sys
from pathlib import Path
from sandbox.worktree import PrivateRepository
repo = PrivateRepository(Path(sys.argv[1]), Path(sys.argv[2]))
with repo.checkout(sys.argv[3]) as folder, repo.index(repo.resolve(sys.argv[3])):
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def own(target, tmp_path: Path) -> PrivateRepository:
    """A private repository of this test alone."""
    return PrivateRepository(target.path, tmp_path / "state")


def tree_with(repo: PrivateRepository, *entries: tuple[str, str, bytes]) -> str:
    """A tree object of (mode, name, content), written without git's checks."""
    raw = b""
    for mode, name, content in entries:
        kind = "tree" if mode == "40000" else "blob"
        oid = (
            content
            if kind == "tree"
            else git(repo.git_dir, "hash-object", "-w", "--stdin", stdin=content).strip()
        )
        raw += f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid.decode())
    return (
        git(repo.git_dir, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
        .decode()
        .strip()
    )


def test_a_file_is_the_blob_whatever_attributes_say(own: PrivateRepository, base: str) -> None:
    """The base has `ident`, `filter`, `eol=crlf` and `export-ignore` on its files."""
    with own.checkout(base) as folder:
        for path, entry in own.listing(base).items():
            if entry.mode.startswith("100"):
                assert (folder / path).read_bytes() == git(own.git_dir, "cat-file", "blob", entry.oid), path
        assert (folder / "services/a/run.sh").stat().st_mode & 0o777 == 0o755
        assert (folder / "services/a/main.py").stat().st_mode & 0o111 == 0
        assert (folder / "elsewhere/module").is_dir()
        assert not list(folder.rglob(".git"))


def test_only_what_is_asked_for_is_there(own: PrivateRepository, base: str) -> None:
    with own.checkout(base, service_paths("a")) as folder:
        assert {path.name for path in folder.iterdir()} == {"services", "shared", "truth", "scripts"}
        assert {path.name for path in (folder / "services").iterdir()} == {"a"}
    with own.checkout(base, ["services/a/main.py", "nowhere"]) as folder:
        assert [str(path.relative_to(folder)) for path in folder.rglob("*.*")] == ["services/a/main.py"]


def test_a_link_that_could_lead_out_becomes_a_file(own: PrivateRepository) -> None:
    links = {
        "abs": b"/etc/passwd", "climb": b"../x", "inner": b"dir/../../..", "nested": b"dir/..", "dot": b"./../x",
        "fine": b"dir/file", "loop": b"loop", "empty": b"", "back": b"..", "nul": b"a\0b",
    }  # fmt: skip
    deep = tree_with(own, ("120000", "up", b"../fine"), ("120000", "out", b"../../x")).encode()
    entries = sorted(
        [*(("120000", name, text) for name, text in links.items()), ("40000", "dir", deep)],
        key=lambda e: e[1],
    )
    with own.checkout(tree_with(own, *entries)) as folder:
        real = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink()}
        assert real == {"fine", "loop", "dir/up"}
        assert (folder / "abs").read_bytes() == b"/etc/passwd"
        for path in folder.rglob("*"):
            if path.name != "loop":
                assert path.resolve().is_relative_to(folder.resolve())


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT"])
def test_a_tree_that_no_git_would_make(own: PrivateRepository, name: str) -> None:
    inner = tree_with(own, ("100644", "x", b"evil")).encode()
    with pytest.raises(GitError, match="no sound tree"), own.checkout(tree_with(own, ("40000", name, inner))):
        pass
    with (
        pytest.raises(GitError, match="no sound tree"),
        own.checkout(tree_with(own, ("100644", name, b"evil"))),
    ):
        pass


def test_a_tree_with_a_link_and_a_folder_of_one_name(own: PrivateRepository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = tree_with(own, ("100644", "x", b"evil")).encode()
    tree = tree_with(own, ("120000", "d", os.fsencode(outside)), ("40000", "d", inner))
    with pytest.raises(GitError, match="not a folder"), own.checkout(tree):
        pass
    assert not list(outside.iterdir())


def test_a_folder_is_used_again_and_only_what_differs_is_written(
    own: PrivateRepository, target, base: str
) -> None:
    first = target.git("rev-list", "--max-parents=0", "HEAD")
    with own.checkout(base, ["services"]) as folder:
        kept = (folder / "services/a/main.py").stat()
    with own.checkout(first, ["services"]) as again:
        assert again == folder
        assert (again / "services/a/intel/lost.py").exists()
        assert not (again / "services/a/pointer.py").is_symlink()
        same = (again / "services/a/main.py").stat()
        assert (same.st_ino, same.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    with own.checkout(base, ["services"]) as folder:
        assert not (folder / "services/a/intel/lost.py").exists()
        assert (folder / "services/a/pointer.py").is_symlink()


def test_a_folder_that_empties_goes(own: PrivateRepository) -> None:
    inner = tree_with(own, ("100644", "x", b"1")).encode()
    both = tree_with(own, ("40000", "d", inner), ("100644", "f", b"1"))
    lone = tree_with(own, ("100644", "d", b"a file now"))
    for tree, names in ((both, ["d", "f"]), (lone, ["d"]), (both, ["d", "f"])):
        with own.checkout(tree) as folder:
            assert sorted(path.name for path in folder.iterdir()) == names
            assert (folder / "d").is_dir() == (len(names) == 2)


@pytest.mark.parametrize("damage", ["changed", "touched", "stray", "missing", "stray folder", "linked"])
def test_what_somebody_did_to_a_folder_is_undone(
    own: PrivateRepository, base: str, damage: str, tmp_path
) -> None:
    with own.checkout(base, ["shared"]) as folder:
        file = folder / "shared/heartbeat.py"
        if damage == "changed":
            file.write_bytes(b"def beat():\n    return 2\n")
        elif damage == "touched":
            os.utime(file)
        elif damage == "stray":
            (folder / "shared/stray.py").write_text("x")
        elif damage == "stray folder":
            (folder / "stray").mkdir()
        elif damage == "missing":
            file.unlink()
        else:
            (tmp_path / "elsewhere").write_bytes(file.read_bytes())
            file.unlink()
            file.symlink_to(tmp_path / "elsewhere")
    with own.checkout(base, ["shared"]) as folder:
        file = folder / "shared/heartbeat.py"
        assert file.read_bytes() == b"def beat():\n    return 1\n"
        assert not file.is_symlink()
        assert [str(path.relative_to(folder)) for path in folder.rglob("*")] == [
            "shared",
            "shared/heartbeat.py",
        ]
    assert damage != "linked" or (tmp_path / "elsewhere").exists()


def test_a_folder_is_for_one_user_at_a_time_and_the_pool_is_bounded(
    own: PrivateRepository, base: str
) -> None:
    with ExitStack() as stack:
        folders = [stack.enter_context(own.checkout(base, ["shared"])) for _ in range(SLOTS + 2)]
        assert len(set(folders)) == SLOTS + 2
        assert all((folder / "shared/heartbeat.py").exists() for folder in folders)
    assert len(list(own.pool.root.glob("slot-*"))) == SLOTS
    assert not list(own.pool.root.glob("scratch-*"))


def test_an_error_in_the_block_is_the_callers(own: PrivateRepository, base: str) -> None:
    with pytest.raises(FileNotFoundError), own.checkout(base, ["shared"]) as folder:
        (folder / "nope").read_text()
    with own.checkout(base, ["shared"]) as again:
        assert again == folder


FULL = """
import resource, sys
from pathlib import Path
from sandbox.git import GitError
from sandbox.patch import Edit, from_edits
from sandbox.worktree import PrivateRepository, WorktreeError
repo = PrivateRepository(Path(sys.argv[1]), Path(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))
edits = [Edit(path="services/a/big.py", search="VALUE_7 = 7", replace="VALUE_7 = 8")]
for attempt in (lambda: repo.checkout(sys.argv[3]).__enter__(), lambda: from_edits(repo, sys.argv[3], "a", edits)):
    try:
        attempt()
    except (WorktreeError, GitError) as error:
        print(type(error).__name__, error)
"""


def test_a_disk_that_fills_up_is_said_and_harms_no_later_run(own, target, base: str) -> None:
    """A limit on file sizes stands in for a full disk: writing fails half-way."""
    argv = [sys.executable, "-c", FULL, str(target.path), str(own.state), base]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(told) == 2
    assert told[0].startswith("WorktreeError no worktree can be made: ")
    assert told[0].endswith(f"Is there room, and may {own.state} be written?")
    with own.checkout(base) as folder:
        assert (folder / "services/a/big.py").stat().st_size > 8_000
    edit = Edit(path="services/a/big.py", search="VALUE_7 = 7", replace="VALUE_7 = 8")
    assert from_edits(own, base, "a", [edit]).files[0].added == 1


def held(target, state: Path, base: str) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a worktree and a temporary index until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target.path), str(state), base],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().rstrip("\n"))


def test_two_processes_do_not_share_and_a_sweep_leaves_a_living_one_alone(own, target, base: str) -> None:
    process, theirs = held(target, own.state, base)
    try:
        with own.checkout(base) as ours:
            assert ours != theirs
        own.sweep()
        own.pool.drop()
        assert (theirs / "shared/heartbeat.py").exists()
        assert len(list(own.pool.root.glob("scratch-*"))) == 1
    finally:
        process.communicate("")
    assert process.returncode == 0
    assert not theirs.exists(), "a process that ends takes its folders along"


def test_after_kill_9_a_sweep_leaves_nothing(own, target, base: str) -> None:
    process, theirs = held(target, own.state, base)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert theirs.exists()
    (theirs.parent / "manifest.json").unlink()
    (own.git_dir.parent / ".making-dead").mkdir()
    own.sweep()
    assert not list(own.pool.root.glob("scratch-*"))
    assert [path.name for path in own.git_dir.parent.iterdir()] == [own.name]
    with own.checkout(base) as folder:
        assert folder == theirs, "its slot is free again, and what it held is not trusted"
    own.pool.drop()
    assert not own.pool.root.exists()


def test_the_pool_goes_with_the_object_and_a_lost_one_with_its_state(
    target, base: str, tmp_path: Path
) -> None:
    repo = PrivateRepository(target.path, tmp_path / "one")
    with repo.checkout(base, ["shared"]):
        root = repo.pool.root
    assert root.exists()
    del repo
    gc.collect()
    assert not root.exists()
    lost = open_pool(tmp_path / "gone", "x")
    open_pool(tmp_path, "y").sweep()
    assert not lost.root.exists()


def test_a_pool_that_another_process_dropped_is_made_again(own: PrivateRepository, base: str) -> None:
    with own.checkout(base, ["shared"]):
        pass
    own.pool.drop()
    with own.checkout(base, ["shared"]) as folder:
        assert (folder / "shared/heartbeat.py").exists()


def test_a_pool_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    root = tmp_path / "autohealer-0-x"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(PermissionError, match="open to others"):
        open_pool_at(root, tmp_path)
    aside = tmp_path / "aside"
    aside.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(aside)
    with pytest.raises(PermissionError):
        open_pool_at(tmp_path / "link", tmp_path)


def test_blobs_that_the_clone_lacks(own: PrivateRepository, target) -> None:
    missing = f"100644 blob {'2' * 40}\thuge.bin\0100644 blob {'3' * 40}\tservices.txt\0".encode()
    shared = git(own.git_dir, "ls-tree", "-z", target.git("rev-parse", "HEAD:shared"))
    tree = git(own.git_dir, "mktree", "-z", "--missing", stdin=missing + shared).decode().strip()
    with own.checkout(tree, ["heartbeat.py"]) as folder:
        assert (folder / "heartbeat.py").exists()
    with pytest.raises(GitError, match="missing"), own.checkout(tree):
        pass
    with own.checkout(tree, ["heartbeat.py"]) as folder:
        assert [path.name for path in folder.iterdir()] == ["heartbeat.py"]


def test_a_file_too_large_to_edit_is_no_obstacle(make_target, tmp_path: Path) -> None:
    target = make_target()
    base = target.commit("x", {"services/a/main.py": "x\n", "services/a/model.bin": b"m" * (9 << 20)})
    repo = PrivateRepository(target.path, tmp_path / "state")
    with repo.checkout(base) as folder:
        assert (folder / "services/a/model.bin").stat().st_size == 9 << 20
    assert from_edits(repo, base, "a", [Edit(path="services/a/main.py", search="x", replace="y")])
    with pytest.raises(Refused) as caught:
        from_edits(repo, base, "a", [Edit(path="services/a/model.bin", delete=True)])
    assert caught.value.rule == "file-unreadable"


def test_a_state_folder_that_cannot_be_written(target, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(WorktreeError, match="Is there room"):
        PrivateRepository(target.path, tmp_path / "state")


def test_what_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not the top folder of a git repository"):
        PrivateRepository(tmp_path, tmp_path / "state")
    (tmp_path / ".git").write_text("nonsense")
    with pytest.raises(GitError, match="does not say where"):
        PrivateRepository(tmp_path, tmp_path / "state")


def test_commits_by_every_name_that_the_target_knows(own: PrivateRepository, target, base: str) -> None:
    for name in ("HEAD", "main", base[:9], base, "refs/heads/main", "main~1^0", "@"):
        assert len(own.resolve(name)) == 40
    assert own.resolve("HEAD") == base
    for name in (
        "nope",
        "--help",
        "-q",
        "",
        "HEAD:root.py",
        "main..main",
        base + "\n",
        "f" * 40,
        "HEAD^{tree}",
    ):
        with pytest.raises(GitError):
            own.resolve(name)


def test_a_target_that_moved_on_or_away(make_target, tmp_path: Path) -> None:
    target = make_target()
    first = target.commit("one", {"f": "1"})
    assert PrivateRepository(target.path, tmp_path / "state").resolve("HEAD") == first
    second = target.commit("two", {"f": "2"})
    again = PrivateRepository(target.path, tmp_path / "state")
    assert again.resolve("HEAD") == second
    with again.checkout(second) as folder:
        assert (folder / "f").read_text() == "2"


def test_a_commit_made_after_the_first_look_is_found(make_target, tmp_path: Path) -> None:
    target = make_target()
    target.commit("one", {"f": "1"})
    repo = PrivateRepository(target.path, tmp_path / "state")
    with repo.checkout("HEAD"):
        pass
    target.commit("two", {"f": "2"})
    target.git("gc", "-q", "--prune=now")
    with repo.checkout("HEAD") as folder:
        assert (folder / "f").read_text() == "2"


def test_many_made_at_once_are_one(target, base: str, tmp_path: Path) -> None:
    started = [held(target, tmp_path / "state", base) for _ in range(1)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(target.path), str(tmp_path / "state"), base],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process, _ in started:
        process.communicate("")
    assert len(list((tmp_path / "state/repositories").iterdir())) == 1


def test_a_lock_that_a_child_inherited_does_not_outlive_its_holder(own: PrivateRepository, base: str) -> None:
    """Programs that are started while a worktree is held do not keep it."""
    with own.checkout(base, ["shared"]) as folder:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with (folder.parent / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.kill()
        child.wait()
