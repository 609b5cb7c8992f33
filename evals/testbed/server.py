"""A server of a testbed: a real one on a free port, which it keeps over `stop` and `start`."""

from __future__ import annotations

import os
import signal
import socket
import time
from abc import ABC, abstractmethod
from pathlib import Path

from evals.testbed.child import Child
from evals.testbed.reaper import Reaper


class ClusterError(Exception):
    """Something of the testbed did not come up; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port that was free on 127.0.0.1 a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server(ABC):
    """One server, started and waited for by how it answers."""

    def __init__(self, name: str, folder: Path, reaper: Reaper) -> None:
        self.name = name
        self.port = free_port()
        self._folder = folder
        self._reaper = reaper
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    def start(self, timeout: float = 10.0) -> None:
        """Start the server and wait until it answers.

        Raises:
            ClusterError: it ended or did not answer in time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._child = self._run(self._argv())
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._child.exit_code is None:
            if self._answers():
                return
            time.sleep(0.01)
        self._child.end()
        raise ClusterError(f"{self.name} did not start on {self.port}: {self._log_end()}")

    def stop(self) -> None:
        """Kill the server, as a crash or a full disk would."""
        if self._child is not None:
            self._child.end()

    def freeze(self) -> None:
        """Let it accept connections and never answer."""
        if self._child is not None:
            self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        if self._child is not None:
            self._child.signal(signal.SIGCONT)

    @abstractmethod
    def _argv(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @property
    def _log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-500:]

    def _run(self, argv: list[str]) -> Child:
        """A program in the server's folder, its output at the end of the log."""
        env = {"PATH": os.environ.get("PATH", os.defpath)}
        return Child(argv, cwd=self._folder, env=env, output=self._log, reaper=self._reaper)
