"""Folders on a fast disk that outlive no run: slots that are reused, scratch folders that are not.

Whoever uses a folder holds an advisory lock on a file in it. The kernel drops the lock with
the process, so a folder that nobody holds is a leftover, also after kill -9.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SLOTS = 6
_MEMORY_DISK = Path("/dev/shm")
_MEMORY_NEEDED = 512 << 20
_PREFIX = "autohealer-"


@dataclass(frozen=True, slots=True)
class Pool:
    """Folders below `root` (ours, mode 0700) that belong to the state folder `state`."""

    root: Path
    state: Path

    @contextlib.contextmanager
    def slot(self, key: str) -> Iterator[Path]:
        """A folder for this process alone, if possible one that was last used with the same `key`.

        `key` is two words, the first of which says what kind of content the folder gets. When
        all slots are taken it is a folder that is removed afterwards.
        """
        locked = self._take_slot(key)
        if locked is None:
            with self.scratch() as folder:
                yield folder
            return
        folder, lock = locked
        try:
            yield folder
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A new folder that is removed at the end of the block."""
        with self._gate(fcntl.LOCK_SH):
            folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.root))
            lock = _lock(folder)
        try:
            yield folder
        finally:
            _remove(folder)
            if lock is not None:
                os.close(lock)

    def sweep(self) -> None:
        """Remove scratch folders that no process holds, and pools whose state folder is gone."""
        self._remove_free("scratch-*")
        for other in self.root.parent.glob(f"{_PREFIX}{os.geteuid()}-*"):
            if other != self.root and _is_ours(other) and not _state_of(other).exists():
                _remove(other)

    def drop(self) -> None:
        """Remove every folder that no process holds, and the pool itself when none is left."""
        self._remove_free("s[cl]*-*")
        with contextlib.suppress(OSError), self._gate(fcntl.LOCK_EX | fcntl.LOCK_NB):
            if {path.name for path in self.root.iterdir()} <= {"state", "lock"}:
                _remove(self.root)

    def _take_slot(self, key: str) -> tuple[Path, int] | None:
        with self._gate(fcntl.LOCK_SH):
            for folder in self._by_likeness(key):
                folder.mkdir(exist_ok=True)
                lock = _lock(folder)
                if lock is not None:
                    os.ftruncate(lock, 0)
                    os.pwrite(lock, key.encode(), 0)
                    return folder, lock
        return None

    def _by_likeness(self, key: str) -> list[Path]:
        kind = key.split()[0]

        def likeness(folder: Path) -> int:
            last = _last_key(folder)
            if last is None:
                return 1
            return 2 + (last == key) if last.startswith(f"{kind} ") else 0

        folders = [self.root / f"slot-{number}" for number in range(SLOTS)]
        return sorted(folders, key=likeness, reverse=True)

    def _remove_free(self, pattern: str) -> None:
        if not self.root.is_dir():
            return
        with contextlib.suppress(BlockingIOError), self._gate(fcntl.LOCK_EX | fcntl.LOCK_NB):
            for folder in self.root.glob(pattern):
                lock = _lock(folder)
                if lock is not None:
                    _remove(folder)
                    os.close(lock)

    @contextlib.contextmanager
    def _gate(self, how: int) -> Iterator[None]:
        # Makers of folders share it, removers hold it alone: a new folder is never seen without its lock.
        descriptor = self._open_gate()
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def _open_gate(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self.root / "lock", flags, 0o600)
        except FileNotFoundError:
            # Another process dropped the pool while it was idle.
            open_pool_at(self.root, self.state)
            return os.open(self.root / "lock", flags, 0o600)


def open_pool(state: Path, name: str) -> Pool:
    """The pool called `name` of a state folder: in memory where there is room, else below the state folder.

    Raises:
        OSError: neither place can be written.
    """
    identity = hashlib.sha256(os.fsencode(state / name)).hexdigest()[:16]
    in_memory = _MEMORY_DISK / f"{_PREFIX}{os.geteuid()}-{identity}"
    if _has_room(_MEMORY_DISK):
        with contextlib.suppress(OSError):
            return open_pool_at(in_memory, state)
    return open_pool_at(state / "pools" / f"{_PREFIX}{os.geteuid()}-{identity}", state)


def open_pool_at(root: Path, state: Path) -> Pool:
    """The pool at `root`, made when it is missing.

    Raises:
        OSError: it cannot be made, or the folder is not ours alone.
    """
    root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    root.mkdir(exist_ok=True, mode=0o700)
    if not _is_ours(root):
        raise PermissionError(f"{root} belongs to somebody else or is open to others")
    (root / "state").write_bytes(os.fsencode(state))
    return Pool(root, state)


def _has_room(disk: Path) -> bool:
    try:
        space = os.statvfs(disk)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize >= _MEMORY_NEEDED and os.access(disk, os.W_OK)


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    return private and status.st_uid == os.geteuid()


def _state_of(root: Path) -> Path:
    try:
        return Path(os.fsdecode((root / "state").read_bytes()))
    except FileNotFoundError:
        # It is just being made.
        return root


def _last_key(folder: Path) -> str | None:
    try:
        return (folder / "lock").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _lock(folder: Path) -> int | None:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
