"""One box from start to end, as the host sees it: pipes, the deadline, the verdict of the first process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from sandbox.exchange import Capture, Exchange
from sandbox.isolation import job
from sandbox.isolation.box import RESULT_BYTES, Box, BoxError, BoxRun
from sandbox.process import (
    Completed,
    ProcessError,
    flooded,
    kill_group,
    pipe_of,
    start,
)

START_S = 20.0
"""The longest that a box may take to come up, before `wall_s` begins."""
_JOB_PIPE = 1 << 20
_PARTING_S = 0.5
END_S = 2.0
"""The longest that we wait for the last byte of a box that was killed."""


_ENDED = (b"exit ", b"killed ", b"overdue\n")


class _Status:
    """What the first process said so far."""

    def __init__(self) -> None:
        self._text = bytearray()
        self.ready_at: float | None = None
        self.exit_at: float | None = None

    def feed(self, chunk: bytes) -> None:
        now = time.monotonic()
        self._text += chunk
        if self.ready_at is None and self._text.startswith(b"ready\n"):
            self.ready_at = now
        if self.exit_at is None and any(b"\n" + word in self._text for word in _ENDED):
            self.exit_at = now

    def _line(self, word: str) -> str | None:
        for line in self._text.decode(errors="replace").splitlines():
            if line.startswith(word + " "):
                return line[len(word) + 1 :]
        return None

    @property
    def failure(self) -> str | None:
        return self._line("failed")

    @property
    def overdue(self) -> bool:
        return b"\noverdue\n" in self._text

    @property
    def killed(self) -> str | None:
        return self._line("killed")

    @property
    def returncode(self) -> int | None:
        told = self._line("exit")
        return None if told is None else os.waitstatus_to_exitcode(int(told))


@dataclass(slots=True)
class _Ends:
    """Our ends of the three private pipes, and the box's."""

    job: IO[bytes]
    status: IO[bytes]
    result: IO[bytes]
    theirs: tuple[int, int, int]

    @classmethod
    def open(cls) -> _Ends:
        job_read, job_write = os.pipe()
        status_read, status_write = os.pipe()
        result_read, result_write = os.pipe()
        return cls(
            os.fdopen(job_write, "wb", 0),
            os.fdopen(status_read, "rb", 0),
            os.fdopen(result_read, "rb", 0),
            (job_read, status_write, result_write),
        )

    def widen(self) -> None:
        """A wide job pipe takes most trees at once, while the box still comes up."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.job, fcntl.F_SETPIPE_SZ, _JOB_PIPE)

    def close_theirs(self) -> None:
        for descriptor in self.theirs:
            os.close(descriptor)

    def close_ours(self) -> None:
        for stream in (self.job, self.status, self.result):
            stream.close()


def run(
    box: Box,
    code: bytes,
    command: Callable[[Sequence[str]], Sequence[str]],
    *,
    pass_fds: tuple[int, ...] = (),
    preface: Callable[[int], bytes] = lambda _: b"",
) -> BoxRun:
    """Start `command(first process)` and see the box through.

    Raises:
        BoxError: the box did not come up, or argv[0] cannot be executed in it.
    """
    ends = _Ends.open()
    try:
        first = [str(job.interpreter()), "-I", "-S", "-c", job.BOOT, str(ends.theirs[0])]
        ends.widen()
        process = start(command(first), env={}, pass_fds=(*ends.theirs, *pass_fds))
    except ProcessError as error:
        ends.close_ours()
        raise BoxError(str(error)) from error
    finally:
        ends.close_theirs()
    status, result = _Status(), Capture(RESULT_BYTES)
    out, err = Capture.both_ends(box.limits.output_bytes), Capture.both_ends(box.limits.output_bytes)
    with Exchange() as exchange:
        work = job.stream(box, code + preface(ends.theirs[1]), status=ends.theirs[1], result=ends.theirs[2])
        exchange.write(ends.job, work, keep_open=True)
        exchange.write(pipe_of(process.stdin), iter((box.stdin,)))
        exchange.read(ends.status, status.feed)
        exchange.read(ends.result, result.feed)
        exchange.read(pipe_of(process.stdout), out.feed)
        exchange.read(pipe_of(process.stderr), err.feed)
        try:
            timed_out = _follow(exchange, status, (out, err), box)
        finally:
            # Left alone, the first process takes all down, and who made it reaps it; a kill leaves orphans.
            exchange.hang_up(ends.job)
            exchange.until_exit(process.pid, time.monotonic() + _PARTING_S, lambda: False)
            kill_group(process.pid)
            exchange.drain(time.monotonic() + END_S)
            process.wait()
    return _verdict(box, status, out, err, result, timed_out=timed_out)


def _follow(exchange: Exchange, status: _Status, outputs: tuple[Capture, Capture], box: Box) -> bool:
    """Move bytes until argv has ended or must end; True at the deadline."""
    began = time.monotonic()
    while exchange.reading and status.exit_at is None:
        ready = status.ready_at
        deadline = began + START_S if ready is None else ready + box.limits.wall_s
        left = deadline - time.monotonic()
        if left <= 0:
            return ready is not None
        if flooded(box.limits, *outputs):
            return False
        exchange.step(min(left, 0.5))
    return False


def _verdict(
    box: Box, status: _Status, out: Capture, err: Capture, result: Capture, *, timed_out: bool
) -> BoxRun:
    if status.failure is not None:
        raise BoxError(f"the box failed to start {box.argv[0]}: {status.failure}")
    if status.ready_at is None:
        told = err.value.decode(errors="replace").strip()[-500:]
        raise BoxError(f"the box did not start: {told or 'no word from it'}")
    code = status.returncode
    note = f"\n[box ended: {status.killed}]\n".encode() if status.killed else b""
    completed = Completed(
        argv=box.argv,
        returncode=-9 if code is None else code,
        stdout=out.value,
        stderr=err.value + note,
        timed_out=timed_out or status.overdue,
        truncated=out.truncated or err.truncated,
        seconds=(status.exit_at or time.monotonic()) - status.ready_at,
    )
    return BoxRun(completed, result.value)
