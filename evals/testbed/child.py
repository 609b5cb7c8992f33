"""A long-lived child process of the testbed: one group, waited for, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.testbed.reaper import Reaper


class Child:
    """A process that leads its own group. A thread waits for it, so that it never stays a zombie."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path, reaper: Reaper
    ) -> None:
        """Start `argv` with stdout and stderr appended to `output`.

        Raises:
            OSError: it cannot be started.
        """
        self.started = time.time()
        with output.open("ab") as sink:
            self._process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._reaper = reaper
        reaper.watch(self.pid)
        self._waiter = threading.Thread(target=self._wait, name=f"wait-{self.pid}", daemon=True)
        self._waiter.start()

    @property
    def pid(self) -> int:
        """The process id, which is the group's too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return None if self._waiter.is_alive() else self._process.returncode

    def wait(self, timeout: float) -> int | None:
        """The exit code, or None if it still runs after `timeout` seconds."""
        self._waiter.join(timeout)
        return self.exit_code

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens once the child is gone."""
        if self.exit_code is None:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                self._waiter.join(1)

    def end(self, grace: float = 0.0) -> None:
        """SIGTERM, `grace` seconds, SIGKILL; the process has been waited for on return."""
        if grace:
            self.signal(signal.SIGTERM)
            self.wait(grace)
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self._waiter.join(10)

    def _wait(self) -> None:
        self._process.wait()
        self._reaper.forget(self.pid)
