"""The private repository that everything is tried in, and worktrees of it.

It borrows the target's objects and keeps its own: nothing reaches the target before a branch
is made (`sandbox.branch`). A worktree holds plain files and no `.git`, so code that could
write to it has nothing to mislead a later git with.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from sandbox.git import GitError, git, is_object_id
from sandbox.pool import Pool, open_pool
from sandbox.slot import filled, replace_file
from sandbox.target import Target, locate, quoted
from sandbox.tree import Listing, list_tree

_KEPT_INDEXES = 2
_KEPT_LISTINGS = 8
_KEPT_OBJECTS = 64
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_REVISION = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_@{}./^~+-]*")


class WorktreeError(Exception):
    """A private repository or a worktree could not be made; the message says what stands in the way."""


class PrivateRepository:
    """A bare repository below `state` with alternates to `target`.

    `target` is the top folder of a checkout or of a linked worktree, or a bare repository.

    Raises:
        GitError: `target` is no git repository.
        WorktreeError: `state` cannot be written.
    """

    def __init__(self, target: Path, state: Path) -> None:
        self.located: Target = locate(target)
        self.target = self.located.path
        self.state = state.resolve()
        identity = hashlib.sha256(os.fsencode(self.located.common_dir)).hexdigest()[:16]
        self.name = f"{re.sub(r'[^A-Za-z0-9]+', '-', self.target.name)[:40]}-{identity}"
        self.git_dir = self.state / "repositories" / self.name
        self._listings: dict[tuple[str, ...], Listing] = {}
        self._indexes: dict[str, bytes] = {}
        self._commits: dict[str, str] = {}
        self._made: dict[Hashable, str] = {}
        with _explained(self.state):
            self._make()

    def resolve(self, commit: str) -> str:
        """The full id of a commit that the target knows by any name.

        Raises:
            GitError: there is no such commit.
        """
        if commit not in self._commits:
            if not _REVISION.fullmatch(commit):
                raise GitError(f"{commit!r} names no commit")
            found = git(
                self.located.git_dir, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}"
            ).decode()
            if not is_object_id(commit):
                return found.strip()
            self._commits[commit] = found.strip()
        return self._commits[commit]

    @contextlib.contextmanager
    def checkout(self, tree_ish: str, paths: Sequence[str] = ()) -> Iterator[Path]:
        """A folder with the files of a tree below `paths` (all of them if empty), for reading only.

        The folder is exclusive to the block and may be used again after it.

        Raises:
            GitError: there is no such tree, or a needed blob is missing.
            WorktreeError: the folder cannot be written.
        """
        listing = self.listing(tree_ish, paths)
        with contextlib.ExitStack() as stack:
            with _explained(self.state):
                slot = stack.enter_context(self.pool.slot(_key(tree_ish, paths)))
                folder = filled(self.git_dir, listing, slot)
            yield folder

    def listing(self, tree_ish: str, paths: Sequence[str] = ()) -> Listing:
        """The entries of a tree below `paths`; the last few are remembered.

        Raises:
            GitError: there is no such tree.
        """
        tree = tree_ish if is_object_id(tree_ish) else self.resolve(tree_ish)
        key = (tree, *paths)
        if key not in self._listings:
            _remember(self._listings, key, list_tree(self.git_dir, tree, paths), _KEPT_LISTINGS)
        return self._listings[key]

    def once(self, what: Hashable, make: Callable[[], str]) -> str:
        """The id of an object that is made of `what`; the last few are remembered."""
        if what not in self._made:
            _remember(self._made, what, make(), _KEPT_OBJECTS)
        return self._made[what]

    @contextlib.contextmanager
    def index(self, tree_ish: str) -> Iterator[dict[str, str]]:
        """A temporary index that holds a tree, as the environment that makes git use it.

        Raises:
            GitError: there is no such tree.
        """
        with self.scratch() as folder:
            index = folder / "index"
            env = {"GIT_INDEX_FILE": str(index)}
            if tree_ish in self._indexes:
                index.write_bytes(self._indexes[tree_ish])
            else:
                git(self.git_dir, "read-tree", tree_ish, env=env)
                _remember(self._indexes, tree_ish, index.read_bytes(), _KEPT_INDEXES)
            yield env

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A new folder that is removed at the end of the block.

        Raises:
            WorktreeError: it, or something in it, cannot be written.
        """
        with _explained(self.state), self.pool.scratch() as folder:
            yield folder

    def sweep(self) -> None:
        """Remove what killed runs of ours left: scratch folders, half-made repositories, old objects."""
        self.pool.sweep()
        for leftover in self.git_dir.parent.glob(".making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        git(self.git_dir, "prune", "--expire=14.days.ago", timeout=300)

    @cached_property
    def pool(self) -> Pool:
        """Where the worktrees and temporary indexes are; emptied when this object goes."""
        pool = open_pool(self.state, self.name)
        weakref.finalize(self, pool.drop)
        return pool

    def _make(self) -> None:
        if not (self.git_dir / "HEAD").exists():
            self.git_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            making = Path(tempfile.mkdtemp(prefix=".making-", dir=self.git_dir.parent))
            object_format = f"--object-format={self.located.object_format()}"
            git(making, "init", "--quiet", "--bare", "--template=", object_format)
            with contextlib.suppress(OSError):
                # Another process was first.
                making.rename(self.git_dir)
            shutil.rmtree(making, ignore_errors=True)
        stores = b"".join(quoted(store) + b"\n" for store in self.located.object_stores())
        alternates = self.git_dir / "objects" / "info" / "alternates"
        if not alternates.exists() or alternates.read_bytes() != stores:
            alternates.parent.mkdir(exist_ok=True)
            replace_file(alternates, stores)


def service_paths(service: str) -> tuple[str, ...]:
    """What a service needs of the tree to be tested and started, as `checkout` takes it."""
    return (f"services/{service}", "shared", "truth", "tests", "scripts", "docs")


@contextlib.contextmanager
def _explained(state: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorktreeError(
            f"no worktree can be made: {error}. Is there room, and may {state} be written?"
        ) from error


def _remember(kept: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    """Keep a value, and only the newest `most` of them."""
    while len(kept) >= most:
        kept.pop(next(iter(kept)))
    kept[key] = value


def _key(tree_ish: str, paths: Sequence[str]) -> str:
    return f"{hashlib.sha256(chr(0).join(paths).encode()).hexdigest()[:16]} {tree_ish}"
