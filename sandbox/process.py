"""Run one command: clean environment, deadline, bounded output, and nothing left of it afterwards.

    ProcessError    argv[0] could not be started at all

Every other end of a command (non-zero exit, signal, deadline, too much output) is a `Completed`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.exchange import Capture, Exchange

if sys.platform == "linux":
    import resource

DRAIN_S = 0.5
"""How long after a kill we read on, when a process that left the group still holds a pipe."""
FLOOD_BYTES = 64 << 20
"""A command that writes this much, and more than `output_bytes`, is killed: nobody would ever see it."""


class ProcessError(Exception):
    """argv[0] (or cwd) does not exist or may not be executed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may use. Seconds, MiB, count of processes, bytes.

    Inside a box all of them bind: `cpu_s` and `file_mb` for each process and file, `memory_mb` for
    each process and for all together, `tmpfs_mb` for each of /work, /tmp and /dev/shm. Outside,
    `processes` and `tmpfs_mb` mean nothing, since the kernel counts processes per user, and on
    macOS only `wall_s` and `output_bytes` bind.
    """

    wall_s: float = 60.0
    cpu_s: int = 60
    memory_mb: int = 2048
    processes: int = 256
    file_mb: int = 256
    output_bytes: int = 1 << 20
    tmpfs_mb: int = 512


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. `returncode` is negative for a signal, None when it could not be known.

    `stdout` and `stderr` hold at most `output_bytes` each; where more was written, `truncated`
    is set and the middle is missing. `seconds` is wall time.
    """

    argv: tuple[str, ...]
    returncode: int | None
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool
    seconds: float


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    limits: Limits = Limits(),
    stdin: bytes = b"",
    pass_fds: tuple[int, ...] = (),
) -> Completed:
    """Run `argv` with exactly `env`, in a session of its own, to its end or to `limits.wall_s`.

    When it ends, whatever it started in its process group ends too.

    Raises:
        ProcessError: argv[0] could not be started.
    """
    began = time.monotonic()
    process = start(argv, env=env, cwd=cwd, pass_fds=pass_fds)
    _set_limits(process.pid, limits)
    out, err = Capture.both_ends(limits.output_bytes), Capture.both_ends(limits.output_bytes)
    with Exchange() as exchange:
        exchange.write(pipe_of(process.stdin), iter((stdin,)))
        exchange.read(pipe_of(process.stdout), out.feed)
        exchange.read(pipe_of(process.stderr), err.feed)
        ended = exchange.until_exit(process.pid, began + limits.wall_s, lambda: flooded(limits, out, err))
        kill_group(process.pid)
        exchange.drain(time.monotonic() + DRAIN_S)
    return Completed(
        argv=tuple(argv),
        returncode=process.wait(),
        stdout=out.value,
        stderr=err.value,
        timed_out=ended == "deadline",
        truncated=out.truncated or err.truncated,
        seconds=time.monotonic() - began,
    )


def start(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, with three unbuffered pipes.

    Raises:
        ProcessError: argv[0] could not be started.
    """
    try:
        return subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ProcessError(f"{argv[0]} could not be started: {error}") from error


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads; nothing happens where it is gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def flooded(limits: Limits, *outputs: Capture) -> bool:
    """Whether a command wrote so much that it must end."""
    return sum(output.total for output in outputs) > max(FLOOD_BYTES, 2 * limits.output_bytes)


def pipe_of(stream: IO[bytes] | None) -> IO[bytes]:
    """The pipe that Popen was asked for."""
    if stream is None:
        raise ProcessError("the process was started without a pipe")
    return stream


def _set_limits(pid: int, limits: Limits) -> None:
    # After the start, since code between fork and exec is unsafe in a threaded process.
    if sys.platform != "linux":
        return
    wanted = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_DATA: limits.memory_mb << 20,
        resource.RLIMIT_FSIZE: limits.file_mb << 20,
        resource.RLIMIT_CORE: 0,
    }
    with contextlib.suppress(ProcessLookupError, PermissionError):
        for kind, most in wanted.items():
            _, hard = resource.prlimit(pid, kind)
            ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, kind, (ceiling, ceiling))
