"""Whole rounds through the gate on every kind of target: it is left as it was but for one branch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.branch import create_branch
from sandbox.hunks import hunks
from sandbox.patch import Edit, from_diff, from_edits
from sandbox.worktree import PrivateRepository, service_paths

EDITS = [
    Edit(path="services/a/main.py", search="print(1)", replace="print(2)"),
    Edit(path="services/a/new/über.py", replace="x = 1\n"),
]
REF = "refs/heads/autoheal/a/20261122-0001"
FILES = {
    "services/a/main.py": "print(1)\n",
    "services/b/main.py": "print('b')\n",
    "shared/heartbeat.py": "x\n",
    "huge.txt": "h" * 5_000,
}


def plain(make: Callable, tmp_path: Path):
    target = make()
    target.commit("one", FILES)
    return target


def path_with_spaces(make: Callable, tmp_path: Path):
    target = make('My "Market"\nSwarm ü')
    target.commit("one", FILES)
    return target


def dirty(make: Callable, tmp_path: Path):
    """Changed, staged, untracked and stashed files, and a lock that somebody left."""
    target = plain(make, tmp_path)
    target.write({"services/a/main.py": "stashed\n"})
    target.git("stash")
    target.write({"services/a/main.py": "print(0)\n", "services/b/main.py": "staged\n", ".pids/a.pid": "1\n"})
    target.git("add", "services/b/main.py")
    (target.path / ".git/index.lock").write_text("")
    return target


def in_a_rebase(make: Callable, tmp_path: Path):
    target = plain(make, tmp_path)
    target.git("checkout", "-q", "-b", "topic")
    target.commit("topic", {"shared/heartbeat.py": "topic\n"})
    target.git("checkout", "-q", "main")
    target.commit("main", {"shared/heartbeat.py": "main\n"})
    target.git("checkout", "-q", "topic")
    target.git("rebase", "main", check=False)
    assert (target.path / ".git/rebase-merge").exists()
    return target


def with_submodule(make: Callable, tmp_path: Path):
    inner = make("inner")
    inner.commit("inner", {"x.py": "x\n"})
    target = plain(make, tmp_path)
    target.git("submodule", "add", "-q", str(inner.path), "vendor/inner")
    target.commit("submodule")
    return target


def a_submodule(make: Callable, tmp_path: Path):
    """A target that is itself checked out as another repository's submodule."""
    outer = make("outer")
    outer.commit("outer", {"x": "x"})
    inner = plain(make, tmp_path)
    outer.git("submodule", "add", "-q", str(inner.path), "vendor/inner")
    return type(outer)(outer.path / "vendor/inner")


def linked_worktree(make: Callable, tmp_path: Path):
    target = plain(make, tmp_path)
    linked = tmp_path / "linked tree"
    target.git("worktree", "add", "-q", "-b", "side", str(linked))
    target.commit("main moves on", {"services/a/main.py": "print(9)\n"})
    return type(target)(linked)


def bare(make: Callable, tmp_path: Path):
    target = plain(make, tmp_path)
    target.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    return type(target)(tmp_path / "bare.git")


def borrowing(make: Callable, tmp_path: Path):
    """A clone with alternates, of a clone with alternates, one of them relative."""
    target = plain(make, tmp_path)
    target.git("clone", "-q", "--shared", ".", str(tmp_path / "middle"))
    target.git("clone", "-q", "--shared", str(tmp_path / "middle"), str(tmp_path / "last"))
    relative = os.path.relpath(tmp_path / "middle/.git/objects", tmp_path / "last/.git/objects")
    (tmp_path / "last/.git/objects/info/alternates").write_text(f"# ours\n{relative}\n")
    return type(target)(tmp_path / "last")


def shallow(make: Callable, tmp_path: Path):
    target = plain(make, tmp_path)
    target.commit("two", {"services/b/main.py": "two\n"})
    target.git("clone", "-q", "--depth=1", target.path.as_uri(), str(tmp_path / "shallow"))
    return type(target)(tmp_path / "shallow")


def lacking_blobs(make: Callable, tmp_path: Path):
    """A partial clone whose origin is gone, with no blob but those of the service and shared/."""
    origin = plain(make, tmp_path)
    origin.git("config", "uploadpack.allowFilter", "true")
    clone = type(origin)(tmp_path / "partial")
    origin.git("clone", "-q", "--filter=blob:none", "--no-checkout", origin.path.as_uri(), str(clone.path))
    clone.git("checkout", "-q", "HEAD", "--", "services/a", "shared")
    origin.path.rename(tmp_path / "gone")
    return clone


def packed(make: Callable, tmp_path: Path):
    target = plain(make, tmp_path)
    target.git("branch", "autoheal/b/other")
    target.git("gc", "-q")
    target.git("pack-refs", "--all")
    return target


def with_sha256(make: Callable, tmp_path: Path):
    target = make("target", "--object-format=sha256")
    target.commit("one", FILES)
    return target


def booby_trapped(make: Callable, tmp_path: Path):
    """Hooks, filters, monitors and settings that leave a mark when git heeds them."""
    target = plain(make, tmp_path)
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\necho $0 $* >> {tmp_path / 'sprung'}\ncat\n")
    trap.chmod(0o755)
    target.commit("traps", {".gitattributes": "* filter=trap diff=trap merge=trap ident text eol=crlf\n"})
    for hook in ("reference-transaction", "post-checkout", "pre-commit", "post-index-change", "commit-msg",
                 "update", "post-update", "pre-receive", "post-receive", "pre-auto-gc", "post-rewrite"):  # fmt: skip
        (target.path / ".git/hooks").mkdir(exist_ok=True)
        (target.path / ".git/hooks" / hook).symlink_to(trap)
    for setting in ("core.fsmonitor", "core.hooksPath", "filter.trap.smudge", "filter.trap.clean", "diff.trap.command",
                    "diff.trap.textconv", "diff.external", "core.sshCommand", "core.alternateRefsCommand",
                    "gpg.program", "core.pager", "core.editor", "trailer.x.command"):  # fmt: skip
        target.git("config", setting, str(trap))
    target.git("config", "commit.gpgSign", "true")
    target.git("config", "core.hooksPath", str(target.path / ".git/hooks"))
    (tmp_path / "sprung").unlink(missing_ok=True)
    return target


KINDS = [plain, path_with_spaces, dirty, in_a_rebase, with_submodule, a_submodule, linked_worktree, bare, borrowing, shallow,
         lacking_blobs, packed, with_sha256, booby_trapped]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_target_is_left_as_it_was_but_for_one_branch(
    kind, make_target, tmp_path: Path, fingerprint_of
) -> None:
    target = kind(make_target, tmp_path)
    base = target.git("rev-parse", "HEAD")
    if kind is in_a_rebase:
        base = target.git("rev-parse", "topic")
    refs, before = target.refs(), fingerprint_of(tmp_path)
    repo = PrivateRepository(target.path, tmp_path / "state")

    patch = from_edits(repo, base, "a", EDITS)
    with repo.checkout(patch.tree, service_paths("a")) as folder:
        assert (folder / "services/a/main.py").read_bytes() == b"print(2)\n"
        assert (folder / "services/a/new/über.py").read_bytes() == b"x = 1\n"
        assert not (folder / "huge.txt").exists()
    assert from_diff(repo, base, "a", patch.diff).tree == patch.tree
    assert len(hunks(repo, patch)) == 2
    assert (target.refs(), fingerprint_of(tmp_path)) == (refs, before), "nothing before the branch"

    commit = create_branch(repo, patch, ref=REF, message="Mend it\n\nIncident: 1\n")
    repo.sweep()
    assert not (tmp_path / "sprung").exists()
    assert target.refs() == refs | {REF: commit}
    assert fingerprint_of(tmp_path) == before
    assert target.git("rev-parse", f"{commit}^@", f"{commit}^{{tree}}").split() == [base, patch.tree]
    assert target.git("diff", "--no-ext-diff", "--name-only", "-z", base, commit).split("\0")[:-1] == [
        file.path for file in patch.files
    ]
    if kind is not lacking_blobs:
        assert "missing" not in target.git("fsck", "--full", "--strict", "--connectivity-only")


def test_the_traps_work(make_target, tmp_path: Path) -> None:
    target = booby_trapped(make_target, tmp_path)
    target.git("status")
    target.git("update-ref", "refs/heads/x", "HEAD")
    sprung = (tmp_path / "sprung").read_text()
    assert "reference-transaction" in sprung
    assert "trap.sh" in sprung


@pytest.fixture
def fingerprint_of(fingerprint) -> Callable[[Path], dict[str, tuple[str, int, int]]]:
    """All files of a test's folder but our state, new objects and the one branch."""
    return lambda folder: fingerprint(folder, without=("state/", "objects/", "refs/heads/autoheal/a/"))
