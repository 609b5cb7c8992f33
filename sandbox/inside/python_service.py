"""A Python service's process, and the functions that it reached: they are noted from within."""
# Every import is paid for at every boot, so pathlib, tempfile and hashlib are not among them.
# ruff: noqa: PTH109, PTH123

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from _blake2 import blake2b
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.inside.service import FUNCTIONS_KEPT, TOO_MUCH, Service, read

BOARD_BYTES = 64
LOST, OFF, WRITTEN, KEY, OPEN = 1, 2, slice(8, 16), slice(16, 32), 32
KINDS = ("on the main thread", "in a thread", "suspended")
OPEN_S = 0.5
"""How long a call must be open to be told as such."""
PIPE_BYTES = 1 << 20

FORGED = "the service wrote where only what traces it writes"
LOST_NOTES = "part of what traces it was lost"
NOT_TRACED = "it took messages while it loaded a module that is not its own"
UNTELLABLE = "a function ran whose name cannot be told"


class PythonService(Service):
    """The entry point with the tracer beside it."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: str,
        tracer: str,
        awaited: Mapping[str, Any],
        scratch: str,
    ) -> None:
        """Start it. `folder` is the service's folder, whose functions are noted by the code `tracer`.

        Of the functions in the `files` of what is `awaited` it is noted how they end, too; of its
        `culprit` in the first of them, whether it comes back.
        """
        self._ends: set[str] = set()
        self._notes = b""
        self._told: dict[bytes, _Told] = {}
        self._why_blind = ""
        self._board = _Board(f"{scratch}/board")
        self._trace, trace_end = os.pipe()
        os.set_blocking(self._trace, False)
        os.set_blocking(trace_end, False)
        if size := getattr(fcntl, "F_SETPIPE_SZ", None):
            fcntl.fcntl(trace_end, size, PIPE_BYTES)
        root = os.getcwd()
        settings = os.pathsep.join(
            [
                str(trace_end),
                self._board.path,
                root,
                f"{root}/{folder}/",
                awaited["culprit"],
                *awaited["files"],
            ]
        )
        super().__init__(argv, {**env, **_tracing(env, settings, tracer, scratch)}, pass_fds=(trace_end,))
        os.close(trace_end)

    @property
    def trace(self) -> int:
        """The end of the pipe to which the tracer writes."""
        return self._trace

    @property
    def ends(self) -> set[str]:
        """The ways in which watched functions were left."""
        return self._ends

    @property
    def all_told(self) -> bool:
        """Whether every note that was written has come."""
        told = self._told.get(str(self.process.pid).encode())
        return self._board.written <= (told.count if told else 0)

    @property
    def blind(self) -> str:
        """Why what is told of its functions is not all, or not true."""
        self._look_on()
        lost = self._board.lost or not self.all_told or not all(each.whole for each in self._told.values())
        return self._why_blind or (LOST_NOTES if lost else "")

    def _look_on(self) -> None:
        """A main thread that is let alone while it loads modules at the start is not let alone now."""
        if self._board.off:
            self._why_blind = self._why_blind or NOT_TRACED

    @property
    def pending(self) -> set[str]:
        """Where calls of the culprit are open."""
        return self._board.pending()

    def next_round(self) -> None:
        """The messages come (again)."""
        self._board.next()
        self._look_on()

    def read_trace(self) -> bool:
        """Take in the functions that it noted; False at the end of the pipe."""
        data = read(self._trace)
        *lines, self._notes = (self._notes + (data or b"")).split(b"\n")
        for line in lines:
            signature, _, told = line.partition(b" ")
            if signature == self._board.signature(told):
                self._take(*told.split(b" ", 2))
            else:
                self._why_blind = FORGED
        if data == b"" and self._notes:
            self._why_blind = FORGED
        return data != b""

    def _take(self, process: bytes, number: bytes, note: bytes) -> None:
        self._told.setdefault(process, _Told()).add(int(number))
        kind, _, name = note.decode(errors="replace").partition(" ")
        kept = self._ends if kind == "E" else self.functions[int(kind)] if kind in ("0", "1", "2") else None
        if kept is None:
            self._why_blind = UNTELLABLE
        elif kind == "E" and self.stopping:
            return
        elif len(kept) < FUNCTIONS_KEPT:
            kept.add(name)
        else:
            self._why_blind = TOO_MUCH


class _Told:
    """Which notes of one process have come."""

    def __init__(self) -> None:
        self.count, self._first, self._last = 0, 1 << 62, 0

    def add(self, number: int) -> None:
        self.count += 1
        self._first, self._last = min(self._first, number), max(self._last, number)

    @property
    def whole(self) -> bool:
        return self._last - self._first + 1 == self.count


class _Board:
    """What the service's process and this one can both see at no cost; in the beginning the key for notes."""

    def __init__(self, path: str) -> None:
        self.path, self._key = path, os.urandom(16)
        with open(path, "wb+") as file:
            file.write(bytes(BOARD_BYTES))
            file.flush()
            self._bytes = mmap.mmap(file.fileno(), BOARD_BYTES)
        self._bytes[KEY] = self._key

    def next(self) -> None:
        """How often the messages came."""
        self._bytes[0] += 1

    @property
    def lost(self) -> bool:
        """Whether a note could not be written."""
        return self._bytes[LOST] != 0

    @property
    def off(self) -> bool:
        """Whether the main thread is not traced now."""
        return self._bytes[OFF] != 0

    @property
    def written(self) -> int:
        """How many notes were written."""
        return int.from_bytes(self._bytes[WRITTEN], "little")

    def pending(self) -> set[str]:
        """Where calls of the culprit have been open for long."""
        since = struct.unpack_from(f"<{len(KINDS)}d", self._bytes, OPEN)
        now = time.monotonic()
        return {kind for kind, began in zip(KINDS, since, strict=True) if began and now - began > OPEN_S}

    def signature(self, told: bytes) -> bytes:
        """What only who has the key writes before a note."""
        return blake2b(told, digest_size=8, key=self._key).hexdigest().encode()


def _tracing(env: Mapping[str, str], settings: str, tracer: str, scratch: str) -> dict[str, str]:
    with open(f"{scratch}/sitecustomize.py", "w") as file:
        file.write(tracer)
    own = env.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([scratch, own] if own else [scratch]),
        "AUTOHEALER_TRACE": settings,
    }
