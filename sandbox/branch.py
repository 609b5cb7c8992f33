"""The one thing that a target repository gets: a new branch, its objects first, its name last."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from sandbox.git import GitError, Owner, git
from sandbox.parts import recheck
from sandbox.patch import Patch
from sandbox.scope import Refused
from sandbox.target import Target
from sandbox.worktree import PrivateRepository

# Written through before the branch is told to anybody: git alone leaves loose objects to the disk's leisure.
_DURABLE = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsync", "GIT_CONFIG_VALUE_0": "committed"}
_OURS = "refs/heads/autoheal"
_REF = re.compile(_OURS + r"/(?P<service>[^/]+)/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def create_branch(
    repo: PrivateRepository, patch: Patch, *, ref: str, message: str, date: datetime | None = None
) -> str:
    """Commit the patch on its base, under a branch that must not exist yet. Returns the commit's id.

    `ref` is `refs/heads/autoheal/<service>/<name>`. The target gets the objects, then the ref by
    compare-and-swap; its index, work tree, HEAD and configuration are not touched and none of
    its hooks runs. What a kill leaves in between are objects that git's own cleaning removes.

    Raises:
        Refused: `branch-name`, `branch-exists`, `branch-blocked`, `commit-message`, or a rule that
            the patch's tree breaks.
        GitError: the target cannot be written.
    """
    _check_ref(ref, patch.service)
    recheck(repo, patch)
    _refuse_taken(repo, ref)
    commit = _commit(repo, patch, message, date or datetime.now(UTC))
    new = [commit, *_new_objects(repo, patch)]
    pack = git(
        repo.git_dir, "pack-objects", "--stdout", "-q", stdin="".join(f"{oid}\n" for oid in new).encode()
    )
    target, owner = repo.located.common_dir, _writer(repo.located)
    git(target, "unpack-objects", "-q", stdin=pack, env=_DURABLE, owner=owner)
    try:
        git(target, "update-ref", "--no-deref", ref, commit, "0" * len(commit), env=_DURABLE, owner=owner)
    except GitError as error:
        _refuse_taken(repo, ref)
        raise GitError(f"the branch {ref} cannot be made: {error}") from error
    finally:
        _hand_over(repo.located, new, ref)
    return commit


def next_free_ref(repo: PrivateRepository, ref: str) -> str:
    """`ref`, or the first of `ref-2`, `ref-3`, ... that the target does not have."""
    depth = ref.count("/") + 1
    taken = {"/".join(name.split("/")[:depth]) for name in _refs(repo)}
    number, free = 2, ref
    while free in taken:
        free = f"{ref}-{number}"
        number += 1
    return free


def _check_ref(ref: str, service: str) -> None:
    match = _REF.fullmatch(ref)
    if match is None or match["service"] != service or ".." in ref or ref.endswith((".", ".lock")):
        raise Refused("branch-name", f"{ref!r} is not refs/heads/autoheal/{service}/<name>.")


def _commit(repo: PrivateRepository, patch: Patch, message: str, date: datetime) -> str:
    if not message.strip() or "\0" in message:
        raise Refused("commit-message", "A commit needs a message without NUL.")
    stamp = f"{int(date.timestamp())} +0000"
    return (
        git(
            repo.git_dir,
            *("commit-tree", "-p", patch.base, patch.tree),
            stdin=message.encode("utf-8", "replace"),
            env={"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp},
        )
        .decode()
        .strip()
    )


def _new_objects(repo: PrivateRepository, patch: Patch) -> list[str]:
    """The trees and files that the target may lack: what differs between the two trees."""
    raw = git(
        repo.git_dir, "diff-tree", "-r", "-t", "-z", "--raw", "--no-renames", patch.base, patch.tree
    ).decode("utf-8", "surrogateescape")
    heads = [head.split(" ") for head in raw.split("\0")[::2] if head]
    return [patch.tree, *(fields[3] for fields in heads if fields[1] != "000000")]


def _writer(located: Target) -> Owner | None:
    """The target's owner, as whom root writes; None where that user cannot even reach it."""
    try:
        git(located.common_dir, "rev-parse", "--git-dir", owner=located.owner)
    except GitError:
        return None
    return located.owner


def _hand_over(located: Target, objects: Sequence[str], ref: str) -> None:
    """Give what root wrote by itself to the target's owner, who could not write beside it otherwise."""
    owner = located.owner
    if os.geteuid() != 0 or owner.uid == 0:
        return
    files = [located.objects / oid[:2] / oid[2:] for oid in objects]
    folders = [file.parent for file in files]
    named = [located.common_dir / "/".join(ref.split("/")[:depth]) for depth in range(3, 6)]
    for path in [*files, *folders, *named]:
        if path.exists() and path.lstat().st_uid == 0:
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def _refuse_taken(repo: PrivateRepository, ref: str) -> None:
    for name in _refs(repo):
        if f"{name}/".startswith(f"{ref}/"):
            raise Refused("branch-exists", f"The branch {ref.removeprefix('refs/heads/')} exists.")
        if ref.startswith(f"{name}/"):
            raise Refused(
                "branch-blocked",
                f"The branch {name.removeprefix('refs/heads/')} is in the way: with it, git can have no "
                f"{ref.removeprefix('refs/heads/')}. Rename it.",
            )


def _refs(repo: PrivateRepository) -> list[str]:
    return git(repo.located.common_dir, "for-each-ref", "--format=%(refname)", _OURS).decode().splitlines()
