"""Heals as child processes: one per service, a few at a time, each in a session of its own.

A heal outlives a watch that was killed. The next watch adopts it by its PID.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

TOLD_TO_END_S = 6.0
"""How long a heal may take to end after SIGTERM; its journal makes it resumable either way."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A heal that ended. `code` is its exit code, negative for a signal, None for an adopted one."""

    service: str
    incident: str
    code: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class _Heal:
    """One that runs: our own child, or an adopted process."""

    incident: str
    process: psutil.Process
    child: subprocess.Popen[bytes] | None
    started: float

    def ended(self) -> bool:
        if self.child is not None:
            return self.child.poll() is not None
        try:
            return not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True


class Heals:
    """The heals that run now.

    Args:
        argv: the command; the incident's id is appended.
        limit: how many may run at a time.
    """

    def __init__(self, argv: Sequence[str], limit: int) -> None:
        self._argv, self._limit = tuple(argv), limit
        self._running: dict[str, _Heal] = {}

    @property
    def services(self) -> frozenset[str]:
        """Services that are being healed."""
        return frozenset(self._running)

    @property
    def full(self) -> bool:
        """No more may be started now."""
        return len(self._running) >= self._limit

    def start(self, service: str, incident: str, output: Path) -> int:
        """Start a heal and return its PID; its output goes to a file. Raises OSError."""
        descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            child = subprocess.Popen(
                [*self._argv, incident],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._running[service] = _Heal(incident, psutil.Process(child.pid), child, time.monotonic())
        return child.pid

    def adopt(self, service: str, incident: str, pid: int | None) -> bool:
        """Take over a heal that an earlier watch started; False when it does not run any more."""
        if pid is None:
            return False
        try:
            process = psutil.Process(pid)
            if incident not in process.cmdline() or process.status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.Error:
            return False
        self._running[service] = _Heal(incident, process, None, time.monotonic())
        return True

    def finished(self) -> list[Finished]:
        """The heals that ended since the last call."""
        ended = [(service, heal) for service, heal in self._running.items() if heal.ended()]
        for service, _ in ended:
            del self._running[service]
        return [
            Finished(
                service,
                heal.incident,
                heal.child.returncode if heal.child else None,
                time.monotonic() - heal.started,
            )
            for service, heal in ended
        ]

    def stop(self, wait_s: float = TOLD_TO_END_S) -> None:
        """Tell every heal to end, and end those that do not."""
        for heal in self._running.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                heal.process.terminate()
        ends = time.monotonic() + wait_s
        while any(not heal.ended() for heal in self._running.values()) and time.monotonic() < ends:
            time.sleep(0.02)
        for heal in self._running.values():
            if not heal.ended():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(heal.process.pid, signal.SIGKILL)
            if heal.child is not None:
                heal.child.wait()
        self._running.clear()
