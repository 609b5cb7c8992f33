"""The end of a log file, read backwards in blocks: never the whole file, never a device, never a wait."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

READ_CAP = 64 << 20
"""The most that is read of one log, in bytes."""

LINE_CAP = 32 << 10
"""A longer line is kept with its two ends only, in bytes."""

_BLOCK = 256 << 10
_STAGES = (4 << 10, 64 << 10, 1 << 20)
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LogError(Exception):
    """There is no log to read: missing, or no regular file. The message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last lines of a log.

    `starts` holds the byte offset of each line in the file, `complete` is True when the first line
    is the first of the file, `final` when no wider window will follow.
    """

    lines: tuple[str, ...]
    starts: tuple[int, ...]
    complete: bool
    final: bool


def windows(log: Path | bytes, stages: tuple[int, ...] = _STAGES) -> Iterator[Window]:
    """The end of a log in windows of growing size (bytes kept), until one is complete.

    Raises:
        LogError: `log` is a path that holds no readable regular file.
    """
    if isinstance(log, bytes):
        yield from _grow(_Memory(log), stages)
        return
    descriptor = open_log(log)
    try:
        yield from _grow(_File(descriptor), stages)
    finally:
        os.close(descriptor)


def last_window(log: Path | bytes, size: int) -> Window:
    """The lines of the last `size` bytes of a log."""
    return next(windows(log, (size,)))


def open_log(path: Path) -> int:
    """A descriptor of a regular file, opened without following a link and without waiting.

    Raises:
        LogError: there is none.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise LogError(f"there is no log {path.name}{_rotated(path)}") from None
    except (OSError, ValueError) as error:
        reason = "it is a symbolic link" if _is_link(path) else getattr(error, "strerror", None) or str(error)
        raise LogError(f"the log {path.name!r} cannot be read: {reason}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise LogError(f"{path.name} is not a regular file, so it is not read as a log")
    return descriptor


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def _rotated(path: Path) -> str:
    older = path.with_name(f"{path.name}.1")
    return f"; a rotated one is beside it: {older.name}" if older.exists() else ""


class _Memory:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, end: int) -> bytes:
        return self._data[start:end]


class _File:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read(self, start: int, end: int) -> bytes:
        parts = []
        while start < end and (part := os.pread(self._descriptor, end - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)


def _grow(source: _Memory | _File, stages: tuple[int, ...]) -> Iterator[Window]:
    for number, size in enumerate(stages):
        window = _read(source, size, final=number == len(stages) - 1)
        yield window
        if window.complete:
            return


def _read(source: _Memory | _File, keep: int, *, final: bool) -> Window:
    """Lines from the end until `keep` bytes are kept or READ_CAP bytes were read."""
    lines: list[tuple[int, bytes]] = []
    pending = _Pending(source.size)
    position, kept = source.size, 0
    floor = max(0, source.size - READ_CAP)
    while position > floor and kept + pending.kept < keep:
        start = max(floor, position - min(_BLOCK, keep))
        found = list(_complete_lines(source.read(start, position), start, pending))
        kept += sum(len(line) + 1 for _, line in found)
        lines += found
        position = start
    if position == 0 or not lines:
        lines.append((pending.start, pending.text()))
    lines.reverse()
    if lines[-1][1] == b"":
        lines.pop()
    return Window(
        tuple(line.decode("utf-8", "replace").rstrip("\r") for _, line in lines),
        tuple(start for start, _ in lines),
        complete=position == 0,
        final=final or position == 0,
    )


def _complete_lines(block: bytes, start: int, pending: _Pending) -> Iterator[tuple[int, bytes]]:
    """The lines that a block completes, last first, each with its offset; what is left stays pending."""
    first, *rest = block.split(b"\n")
    offset = start + len(block)
    for piece in reversed(rest):
        offset -= len(piece)
        pending.prepend(piece, offset)
        yield offset, pending.text()
        offset -= 1
        pending.reset(offset)
    pending.prepend(first, start)


class _Pending:
    """A line whose beginning was not read yet; of a very long one only the two ends are kept."""

    def __init__(self, start: int) -> None:
        self.reset(start)

    def reset(self, start: int) -> None:
        self.start = start
        self._head = b""
        self._tail = b""
        self._cut = 0

    @property
    def kept(self) -> int:
        return len(self._head) + len(self._tail)

    def prepend(self, piece: bytes, start: int) -> None:
        self.start = start
        self._head = piece + self._head
        if len(self._head) > LINE_CAP:
            if not self._cut:
                self._tail = self._head[-LINE_CAP // 4 :]
                self._head = self._head[: -LINE_CAP // 4]
            half = LINE_CAP // 2
            self._cut += max(0, len(self._head) - half)
            self._head = self._head[:half]

    def text(self) -> bytes:
        if not self._cut:
            return self._head + self._tail
        return self._head + b" [... %d bytes of this line cut ...] " % self._cut + self._tail
