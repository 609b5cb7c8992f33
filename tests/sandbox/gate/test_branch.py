"""The branch: made from a validated tree, by compare-and-swap, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.branch import create_branch, next_free_ref
from sandbox.git import GitError
from sandbox.patch import Edit, Patch, from_edits
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository

REF = "refs/heads/autoheal/a/x"

RACE = """
import sys
from pathlib import Path
from sandbox.branch import create_branch
from sandbox.patch import Edit, from_edits
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository
repo = PrivateRepository(Path(sys.argv[1]), Path(sys.argv[2]))
patch = from_edits(repo, "HEAD", "a", [Edit(path="services/a/main.py", search="1", replace=sys.argv[3])])
sys.stdin.read()
try:
    create_branch(repo, patch, ref="refs/heads/autoheal/a/x", message="m")
except Refused as refusal:
    print(refusal.rule)
"""


@pytest.fixture
def small(make_target):
    target = make_target()
    target.commit("one", {"services/a/main.py": "print(1)\n", "services/a/d/e.py": "e\n"})
    return target


@pytest.fixture
def own(small, tmp_path: Path) -> PrivateRepository:
    return PrivateRepository(small.path, tmp_path / "state")


@pytest.fixture
def patch(own: PrivateRepository) -> Patch:
    return from_edits(own, "HEAD", "a", [Edit(path="services/a/main.py", search="1", replace="2")])


def test_the_commit_is_what_was_judged(own, small, patch) -> None:
    message = "fix(a): print two\n\nIt was one – «ü».\n\nIncident: 7\nCost: $0.01\n"
    commit = create_branch(own, patch, ref=REF, message=message, date=datetime(2026, 11, 22, 12, tzinfo=UTC))
    raw = small.git("cat-file", "commit", commit)
    assert raw == (
        f"tree {patch.tree}\nparent {patch.base}\n"
        "author AutoHealer <autohealer@localhost> 1795348800 +0000\n"
        f"committer AutoHealer <autohealer@localhost> 1795348800 +0000\n\n{message.strip()}"
    )
    assert small.git("rev-parse", REF) == commit
    assert small.git("diff", "HEAD", commit) == small.git("diff", f"HEAD:{''}", f"{commit}:")
    small.git("merge", "-q", "--ff-only", REF)
    assert (small.path / "services/a/main.py").read_text() == "print(2)\n"


def test_no_reflog_and_nothing_but_objects_and_the_ref(own, small, patch, fingerprint) -> None:
    before = fingerprint(small.path / ".git", without=("objects/",))
    create_branch(own, patch, ref=REF, message="m")
    after = fingerprint(small.path / ".git", without=("objects/",))
    assert set(after) - set(before) == {REF}
    assert {name: after[name] for name in before} == before
    assert small.git("fsck", "--full", "--strict") == ""


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main", "refs/heads/autoheal/b/x", "refs/heads/autoheal/a/", "refs/heads/autoheal/a/x/y",
        "refs/heads/autoheal/a/x.lock", "refs/heads/autoheal/a/x..y", "refs/heads/autoheal/a/-x", "refs/tags/x",
        "refs/heads/autoheal/a/x.", "refs/heads/autoheal/../main/x", "HEAD", "refs/heads/autoheal/a/x\n", "autoheal/a/x",
        "refs/heads/autoheal/a/.x", "refs/heads/autoheal/a/x y", "refs/heads/autoheal/a/x@{1}",
    ],
)  # fmt: skip
def test_a_name_that_no_branch_of_ours_has(own, small, patch, ref: str) -> None:
    with pytest.raises(Refused) as caught:
        create_branch(own, patch, ref=ref, message="m")
    assert caught.value.rule == "branch-name"
    assert list(small.refs()) == ["refs/heads/main"]


@pytest.mark.parametrize("message", ["", " \n", "a\0b"])
def test_a_message_that_is_none(own, patch, message: str) -> None:
    with pytest.raises(Refused) as caught:
        create_branch(own, patch, ref=REF, message=message)
    assert caught.value.rule == "commit-message"


@pytest.mark.parametrize("pack", [False, True])
def test_a_taken_name_is_never_moved(own, small, patch, pack: bool) -> None:
    small.git("update-ref", REF, "HEAD")
    if pack:
        small.git("pack-refs", "--all")
    before = small.refs()
    with pytest.raises(Refused) as caught:
        create_branch(own, patch, ref=REF, message="m")
    assert caught.value.rule == "branch-exists"
    assert small.refs() == before


def test_a_name_below_or_above_another(own, small, patch) -> None:
    for taken, rule in (
        ("refs/heads/autoheal", "branch-blocked"),
        ("refs/heads/autoheal/a", "branch-blocked"),
        (f"{REF}/deeper", "branch-exists"),
    ):
        small.git("update-ref", taken, "HEAD")
        with pytest.raises(Refused) as caught:
            create_branch(own, patch, ref=REF, message="m")
        assert caught.value.rule == rule
        assert small.git("fsck") == "", "no object was written"
        small.git("update-ref", "-d", taken)
    small.git("update-ref", f"{REF}/deeper", "HEAD")
    assert next_free_ref(own, REF) == f"{REF}-2"


def test_a_stale_lock_of_the_ref(own, small, patch) -> None:
    lock = small.path / ".git" / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    with pytest.raises(GitError, match="lock"):
        create_branch(own, patch, ref=REF, message="m")
    assert lock.exists(), "it is not ours to remove"
    assert small.git("fsck", "--strict", "--no-dangling") == ""
    lock.unlink()
    assert create_branch(own, patch, ref=REF, message="m")


def test_a_name_that_points_to_another_branch_is_not_followed(own, small, patch) -> None:
    small.git("symbolic-ref", REF, "refs/heads/elsewhere")
    create_branch(own, patch, ref=REF, message="m")
    assert set(small.refs()) == {"refs/heads/main", REF}
    small.git("symbolic-ref", "refs/heads/autoheal/a/y", "refs/heads/main")
    with pytest.raises(Refused):
        create_branch(own, patch, ref="refs/heads/autoheal/a/y", message="m")


def test_of_several_at_once_one_wins(small, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                RACE,
                str(small.path),
                str(tmp_path / f"state{number % 2}"),
                f"{number + 2}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    told = [process.communicate("")[0].strip() for process in processes]
    assert sorted(told) == ["", "branch-exists", "branch-exists", "branch-exists"]
    assert small.git("fsck", "--strict", "--no-dangling") == ""


def test_the_next_free_name(own, small, patch) -> None:
    assert next_free_ref(own, REF) == REF
    small.git("update-ref", REF, "HEAD")
    small.git("update-ref", f"{REF}-3", "HEAD")
    assert next_free_ref(own, REF) == f"{REF}-2"
    create_branch(own, patch, ref=f"{REF}-2", message="m")
    assert next_free_ref(own, REF) == f"{REF}-4"


def test_a_patch_that_nobody_judged(own, small, patch) -> None:
    """A tree that was put into a patch by hand is judged again before it goes out."""
    small.write({"root.py": "evil\n"})
    small.git("add", "root.py")
    forged = replace(patch, tree=small.git("write-tree"))
    with pytest.raises(Refused) as caught:
        create_branch(own, forged, ref=REF, message="m")
    assert caught.value.rule == "outside-service"
    with pytest.raises(Refused) as caught:
        create_branch(own, replace(patch, tree=small.git("rev-parse", "HEAD^{tree}")), ref=REF, message="m")
    assert caught.value.rule == "empty-patch"
    assert list(small.refs()) == ["refs/heads/main"]


def test_a_base_that_the_target_lost(own, small, patch) -> None:
    small.git("checkout", "-q", "--orphan", "other")
    small.git("rm", "-rfq", ".")
    small.commit("other", {"x": "y"})
    small.git("branch", "-D", "main")
    small.git("reflog", "expire", "--expire=now", "--all")
    small.git("gc", "-q", "--prune=now")
    with pytest.raises(GitError):
        create_branch(own, patch, ref=REF, message="m")
    assert list(small.refs()) == ["refs/heads/other"]


@pytest.fixture
def foreign(tmp_path_factory) -> Iterator[Path]:
    """A folder that another user can reach; pytest closes its own to everybody else."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def give_away(folder: Path, uid: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, uid, uid, follow_symlinks=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_what_root_writes_belongs_to_the_targets_owner(
    small, foreign: Path, tmp_path: Path, mode: int
) -> None:
    """Also where the owner cannot reach it, as with a checkout that was unpacked below root's home."""
    foreign.chmod(mode)
    theirs = foreign / "target"
    small.path.rename(theirs)
    give_away(theirs, 12_345)
    own = PrivateRepository(theirs, tmp_path / "state")
    base = (theirs / ".git/refs/heads/main").read_text().strip()
    patch = from_edits(own, base, "a", [Edit(path="services/a/main.py", search="1", replace="2")])
    create_branch(own, patch, ref=REF, message="m")
    assert {path.lstat().st_uid for path in theirs.rglob("*")} == {12_345}
    assert (theirs / ".git" / REF).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_target_that_cannot_be_written_is_said_so(small, foreign: Path, tmp_path: Path) -> None:
    """The object store is closed to its owner: nothing is written, and git's reason is told."""
    theirs = foreign / "target"
    small.path.rename(theirs)
    own = PrivateRepository(theirs, tmp_path / "state")
    patch = from_edits(own, "HEAD", "a", [Edit(path="services/a/main.py", search="1", replace="2")])
    give_away(theirs, 12_345)
    for folder in [theirs / ".git/objects", *(theirs / ".git/objects").iterdir()]:
        folder.chmod(0o555)
    with pytest.raises(GitError, match="insufficient permission"):
        create_branch(own, patch, ref=REF, message="m")
    assert not (theirs / ".git/refs/heads/autoheal").exists()
