"""Kills what a testbed started when the process that started it is gone, however it went."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    group = int(line)
    groups.add(group) if group > 0 else groups.discard(-group)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
"""


class Reaper:
    """A process in a session of its own that reads process groups from a pipe, and kills them at its end.

    The pipe ends with its writer: SIGKILL of the testbed's process counts as well as `close`.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", PROGRAM], stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self, group: int) -> None:
        """Kill this process group when we are gone."""
        self._tell(group)

    def forget(self, group: int) -> None:
        """Its leader was waited for: the number may be another's soon."""
        self._tell(-group)

    def close(self) -> None:
        """Kill what is still watched, now."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.wait(10)

    def _tell(self, group: int) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.write(f"{group}\n".encode())
        self._process.stdin.flush()
