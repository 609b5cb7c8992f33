"""The death of a local process, noticed at once: by pidfd on Linux, by kqueue on macOS.

Elsewhere nothing is noticed here, and the next look finds it.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from typing import Any

OnDeath = Callable[[int, int | None], None]
"""Called on another thread with the PID and, where it could be had, the exit code (negative: a signal)."""


class DeathWatch:
    """Calls back when one of the processes that it was told of has ended."""

    def __init__(self, on_death: OnDeath) -> None:
        self._on_death = on_death
        self._backend = _backend()
        self._thread = threading.Thread(target=self._run, name="deaths", daemon=True)
        self._thread.start()

    def add(self, pid: int) -> None:
        """Watch a process; one that is gone already is reported too."""
        if self._backend is None or self._backend.add(pid):
            return
        self._on_death(pid, None)

    def close(self) -> None:
        """Stop watching."""
        if self._backend is not None:
            self._backend.close()
            self._thread.join(2)

    def _run(self) -> None:
        while self._backend is not None and (dead := self._backend.wait()) is not None:
            for pid in dead:
                self._on_death(pid, exit_code_of_zombie(pid))


class _PidFds:
    """Linux: a pidfd becomes readable when its process ends, whoever its parent is."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._pids: dict[int, int] = {}
        self._lock = threading.Lock()
        self._read_end, self._write_end = os.pipe()
        self._poll.register(self._read_end, select.EPOLLIN)

    def add(self, pid: int) -> bool:
        with self._lock:
            if pid in self._pids.values():
                return True
            try:
                descriptor = os.pidfd_open(pid)
            except OSError:
                return False
            self._pids[descriptor] = pid
            self._poll.register(descriptor, select.EPOLLIN)
        return True

    def wait(self) -> list[int] | None:
        ready = [descriptor for descriptor, _ in self._poll.poll()]
        if self._read_end in ready:
            self._drop()
            return None
        with self._lock:
            dead = [self._pids.pop(descriptor) for descriptor in ready]
            for descriptor in ready:
                self._poll.unregister(descriptor)
                os.close(descriptor)
        return dead

    def close(self) -> None:
        os.write(self._write_end, b"x")

    def _drop(self) -> None:
        with self._lock:
            for descriptor in (*self._pids, self._read_end, self._write_end):
                os.close(descriptor)
            self._pids.clear()
            self._poll.close()


class _KernelEvents:
    """macOS: kqueue reports the exit of any process of the same user."""

    def __init__(self) -> None:
        # The names exist on macOS alone; mypy checks this file on Linux.
        self._select: Any = select
        self._queue = self._select.kqueue()
        self._pids: set[int] = set()
        self._lock = threading.Lock()
        self._read_end, self._write_end = os.pipe()
        self._queue.control([self._event(self._read_end, self._select.KQ_FILTER_READ)], 0)

    def add(self, pid: int) -> bool:
        with self._lock:
            if pid in self._pids:
                return True
            event = self._event(pid, self._select.KQ_FILTER_PROC, self._select.KQ_NOTE_EXIT)
            try:
                self._queue.control([event], 0)
            except OSError:
                return False
            self._pids.add(pid)
        return True

    def wait(self) -> list[int] | None:
        events = self._queue.control(None, 16)
        if any(event.filter == self._select.KQ_FILTER_READ for event in events):
            for descriptor in (self._read_end, self._write_end):
                os.close(descriptor)
            self._queue.close()
            return None
        dead = [event.ident for event in events]
        with self._lock:
            self._pids.difference_update(dead)
        return dead

    def close(self) -> None:
        os.write(self._write_end, b"x")

    def _event(self, ident: int, kind: int, notes: int = 0) -> Any:
        flags = self._select.KQ_EV_ADD | self._select.KQ_EV_ONESHOT
        return self._select.kevent(ident, filter=kind, flags=flags, fflags=notes)


def _backend() -> _PidFds | _KernelEvents | None:
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        return _PidFds()
    return _KernelEvents() if hasattr(select, "kqueue") else None


def exit_code_of_zombie(pid: int) -> int | None:
    """How a process ended that its parent has not collected yet; None when that cannot be known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 (a path of procfs, on a hot path)
            fields = file.read().rpartition(b")")[2].split()
        if fields[0] != b"Z":
            return None
        return os.waitstatus_to_exitcode(int(fields[49]))
    except (OSError, IndexError, ValueError):
        return None
