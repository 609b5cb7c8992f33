"""Bytes through pipes: bounded, and without waiting for any single pipe."""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO

CHUNK = 1 << 16


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

    def hang_up(self, stream: IO[bytes]) -> None:
        """Close a stream that is written to, whether all was sent or not."""
        if self._sources.pop(stream, None) is not None:
            self._forget(stream)
        elif stream in self._kept:
            self._kept.remove(stream)
            _close(stream)

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
