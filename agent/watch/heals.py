"""Heals as child processes: one per service, a few at a time, each in a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TOLD_TO_END_S = 6.0
"""How long a heal may take to end after SIGTERM; its journal makes it resumable either way."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A heal that ended. `code` is its exit code, negative for a signal."""

    service: str
    incident: str
    code: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Child:
    incident: str
    process: subprocess.Popen[bytes]
    started: float


class Heals:
    """The heals that run now.

    Args:
        argv: the command; the incident's id is appended.
        limit: how many may run at a time.
    """

    def __init__(self, argv: Sequence[str], limit: int) -> None:
        self._argv, self._limit = tuple(argv), limit
        self._running: dict[str, _Child] = {}

    @property
    def services(self) -> frozenset[str]:
        """Services that are being healed."""
        return frozenset(self._running)

    @property
    def full(self) -> bool:
        """No more may be started now."""
        return len(self._running) >= self._limit

    def start(self, service: str, incident: str, output: Path) -> None:
        """Start a heal; its output goes to a file. Raises OSError."""
        descriptor = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                [*self._argv, incident],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._running[service] = _Child(incident, process, time.monotonic())

    def finished(self) -> list[Finished]:
        """The heals that ended since the last call."""
        ended = []
        for service, child in list(self._running.items()):
            code = child.process.poll()
            if code is not None:
                del self._running[service]
                seconds = time.monotonic() - child.started
                ended.append(Finished(service, child.incident, code, seconds))
        return ended

    def stop(self, wait_s: float = TOLD_TO_END_S) -> None:
        """Tell every heal to end, and end those that do not."""
        for child in self._running.values():
            child.process.send_signal(signal.SIGTERM)
        ends = time.monotonic() + wait_s
        for child in self._running.values():
            try:
                child.process.wait(max(0.05, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._running.clear()
