"""The process of a service: dead, alive, a zombie, or a stranger that was given its old PID.

A PID alone says little: the number is reused. What tells is when the process started, against
when the PID file was written, and whether it runs the service's entry point. Its command line
is compared here and never kept.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tools.health.heartbeats import as_pid
from tools.health.state import ProcessFate, ProcessState
from tools.truth import Component

SLACK_S = 5.0
"""How far the start of a process and the writing of its PID file may lie apart."""


@dataclass(frozen=True, slots=True)
class PidFile:
    """`.pids/<service>.pid` as found. `pid` is None when it holds no PID."""

    pid: int | None
    written_at: float


def read_pid_file(root: Path, service: str) -> PidFile | None:
    """The PID file of a service; None when there is none. Anything but a regular file holds no PID."""
    path = root / ".pids" / f"{service}.pid"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return PidFile(None, 0.0)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return PidFile(None, 0.0)
        text = os.read(descriptor, 64).decode("ascii", "replace").strip()
        return PidFile(as_pid(text.partition("\n")[0].strip()), status.st_mtime)
    finally:
        os.close(descriptor)


def look_at(
    component: Component, root: Path, payload_pid: int | None, known: psutil.Process | None
) -> tuple[ProcessState, psutil.Process | None]:
    """The process of a service, and a handle to it while it lives.

    Args:
        payload_pid: the PID in its living heartbeat, which vouches for it.
        known: the process that was seen to beat for this service before; it vouches too, and
            stands in where there is no PID file.
    """
    file = read_pid_file(root, component.name)
    recorded, at = file is not None, file.written_at if file else None
    told = (file.pid if file else None, payload_pid, known.pid if known else None)
    first: ProcessState | None = None
    for pid in dict.fromkeys(pid for pid in told if pid is not None):
        vouched = pid == payload_pid or (known is not None and known.pid == pid and known.is_running())
        written_at = at if file and file.pid == pid else None
        fate, process = _fate(pid, component, written_at, vouched)
        state = ProcessState(fate, pid, _started(process), recorded, at)
        if fate == "alive":
            return state, process
        first = first or state
    return first or ProcessState("unknown", recorded=recorded, recorded_at=at), None


def _fate(
    pid: int, component: Component, written_at: float | None, vouched: bool
) -> tuple[ProcessFate, psutil.Process | None]:
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return "zombie", process
        if vouched or _runs(process, component):
            return "alive", process
        # A program of another name is the service's only if it was started as the file was written.
        ours = written_at is not None and abs(process.create_time() - written_at) <= SLACK_S
        return ("alive" if ours else "stranger"), process
    except psutil.NoSuchProcess:
        return "dead", None
    except psutil.AccessDenied:
        return "alive", None


def _started(process: psutil.Process | None) -> float | None:
    try:
        return None if process is None else float(process.create_time())
    except psutil.Error:
        return None


def _runs(process: psutil.Process, component: Component) -> bool:
    """Does it run the service's program, by its command line or the folder that it runs in?"""
    home = f"services/{component.name}"
    marks = (component.entry_point, f"{home}/", f"services.{component.name}", f"ms-{component.name}.")
    if any(mark in word for word in process.cmdline() for mark in marks):
        return True
    try:
        return str(process.cwd()).endswith(home)
    except psutil.AccessDenied:
        return False
