"""Kills what a testbed started when the process that started it is gone, however it went."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, os, shutil, signal, sys, time
groups, folders = set(), set()
for line in sys.stdin:
    told = json.loads(line)
    if isinstance(told, str):
        folders.add(told)
    else:
        groups.add(told) if told > 0 else groups.discard(-told)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
for folder in folders:
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            break
        time.sleep(0.1)
"""
"""A server that was just killed may still be closing its files, so a folder is removed until it is gone."""


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

    def remove(self, folder: Path) -> None:
        """Remove this folder with all that is in it, once everything is dead."""
        self._tell(str(folder.absolute()))

    def close(self) -> None:
        """Kill what is still watched, now."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.wait(10)

    def _tell(self, what: int | str) -> None:
        if self._process.stdin is None or self._process.stdin.closed:
            return
        self._process.stdin.write(f"{json.dumps(what)}\n".encode())
        self._process.stdin.flush()
