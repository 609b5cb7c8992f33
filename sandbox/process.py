"""Run one command: clean environment, deadline, bounded output, and nothing left of it afterwards.

    ProcessError    argv[0] could not be started at all

Every other end of a command (non-zero exit, signal, deadline, too much output) is a `Completed`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

if sys.platform == "linux":
    import resource

CHUNK = 1 << 16
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


class Capture:
    """The first `head` and the last `tail` bytes of a stream, in bounded memory."""

    def __init__(self, head: int, tail: int = 0) -> None:
        self._head, self._tail = head, tail
        self._first, self._last = bytearray(), bytearray()
        self.total = 0

    @classmethod
    def both_ends(cls, limit: int) -> Capture:
        """Half of `limit` for the beginning, the rest for the end, where errors are told."""
        return cls(limit // 2, limit - limit // 2)

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        room = self._head - len(self._first)
        self._first += chunk[:room]
        self._last += chunk[room:] if room > 0 else chunk
        if len(self._last) > 2 * self._tail + CHUNK:
            del self._last[: len(self._last) - self._tail]

    @property
    def truncated(self) -> bool:
        return self.total > self._head + self._tail

    @property
    def value(self) -> bytes:
        last = self._last[max(0, len(self._last) - self._tail) :]
        return bytes(self._first + last)


class Exchange:
    """Moves bytes through many pipes in one thread, and never waits for a single one of them.

    It owns the streams that it is given, and closes them.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._sinks: dict[IO[bytes], Callable[[bytes], None]] = {}
        self._sources: dict[IO[bytes], _Source] = {}
        self._kept: list[IO[bytes]] = []

    def __enter__(self) -> Exchange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in [*self._sinks, *self._sources, *self._kept]:
            _close(stream)
        self._selector.close()

    def read(self, stream: IO[bytes], sink: Callable[[bytes], None]) -> None:
        """Give what arrives to `sink`, until end-of-file."""
        os.set_blocking(stream.fileno(), False)
        self._sinks[stream] = sink
        self._selector.register(stream, selectors.EVENT_READ)

    def write(self, stream: IO[bytes], chunks: Iterator[bytes], *, keep_open: bool = False) -> None:
        """Write `chunks` as there is room, then close the stream; or keep it until the exchange ends."""
        os.set_blocking(stream.fileno(), False)
        self._sources[stream] = _Source(chunks, keep_open)
        self._selector.register(stream, selectors.EVENT_WRITE)

    @property
    def reading(self) -> bool:
        """Whether any stream that is read has not ended yet."""
        return bool(self._sinks)

    def step(self, timeout: float) -> None:
        """Wait for the next bytes, `timeout` seconds at most, and move them."""
        for key, _ in self._selector.select(max(0.0, timeout)):
            stream = key.fileobj
            if stream in self._sinks:
                self._receive(stream)
            elif stream in self._sources:
                self._send(stream)

    def until_exit(self, pid: int, deadline: float, stop: Callable[[], bool]) -> str:
        """Move bytes until our child `pid` has ended; it is not reaped. "exit", "deadline" or "stopped"."""
        with _exit_watch(pid, self._selector) as pause:
            while time.monotonic() < deadline:
                if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return "exit"
                if stop():
                    return "stopped"
                self.step(min(pause, deadline - time.monotonic()))
        return "deadline"

    def drain(self, deadline: float) -> None:
        """Read to the end of every stream, but not past `deadline`."""
        while self.reading and (left := deadline - time.monotonic()) > 0:
            self.step(left)

    def _receive(self, stream: IO[bytes]) -> None:
        try:
            chunk = os.read(stream.fileno(), CHUNK)
        except BlockingIOError:
            return
        if chunk:
            self._sinks[stream](chunk)
        else:
            del self._sinks[stream]
            self._forget(stream)

    def _send(self, stream: IO[bytes]) -> None:
        source = self._sources[stream]
        try:
            while source.more():
                sent = os.write(stream.fileno(), source.pending)
                source.pending = source.pending[sent:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            source.keep_open = False
        del self._sources[stream]
        if source.keep_open:
            self._selector.unregister(stream)
            self._kept.append(stream)
        else:
            self._forget(stream)

    def _forget(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        _close(stream)


class _Source:
    """What is still to be written to one stream."""

    def __init__(self, chunks: Iterator[bytes], keep_open: bool) -> None:
        self._chunks, self.keep_open = chunks, keep_open
        self.pending = memoryview(b"")

    def more(self) -> bool:
        while not self.pending:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self.pending = memoryview(chunk)
        return True


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.close()


@contextlib.contextmanager
def _exit_watch(pid: int, selector: selectors.BaseSelector) -> Iterator[float]:
    """Wake `selector` when `pid` ends; yields how long a select may sleep (polling where no pidfd is had)."""
    descriptor = None
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid)
    if descriptor is None:
        yield 0.01
        return
    selector.register(descriptor, selectors.EVENT_READ)
    try:
        yield 0.5
    finally:
        selector.unregister(descriptor)
        os.close(descriptor)


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
