"""What is noted of a service's functions, from within its own process.

Every note is written to a pipe at once: a process that is killed loses none. The service shares the
process, so what is noted is a hint; but each note has a number and is signed, so that what is lost, and
what the service itself wrote to that pipe, is seen as what it is.
"""

# It shares the process with the service, so it imports next to nothing, pathlib included.
# ruff: noqa: PTH108, PTH118, PTH123

from __future__ import annotations

import os

from sandbox.inside.trace_digest import Digests, blake2
from sandbox.inside.trace_guard import is_touching
from sandbox.inside.trace_types import type_name

LONGEST = 2000
"""Of a note, in characters: as UTF-8 less than what a pipe takes at once or not at all."""
ROUND, LOST, OFF, WRITTEN, KEY, OPEN = 0, 1, 2, slice(8, 16), slice(16, 32), 32
"""What is where on the board, which both sides see; from OPEN on since when calls of the culprit are open."""
KINDS = ("on the main thread", "in a thread", "suspended")
RETURNED, ENTERED, AGAIN, RAISED, CAME_BACK, CRASHED_ON, GIVEN = "->", ">", "~", "!", "=", "%", "&"
"""How the culprit fares, beside the types of exceptions."""
MOST_CALLS, MOST_DIGESTS = 2000, 1000
NOT_NOTED = "?"
"""In place of digests, where there are more than are noted."""
CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = 0x20, 0x80, 0x200
SUSPENDS = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
ORDERLY = {StopIteration: "__next__", StopAsyncIteration: "__anext__"}


def _board(path: str):  # type: ignore[no-untyped-def]
    """What both sides can see, and the key that was on it. Nobody else will find either."""
    import mmap

    with open(path, "r+b") as file:
        board = mmap.mmap(file.fileno(), 0)
    os.unlink(path)
    key, board[KEY] = board[KEY], bytes(16)
    return board, key


def _writer(fd: int, board, key: bytes):  # type: ignore[no-untyped-def]
    """Writes notes: their process and number, signed. What could not be written is told on the board."""
    from itertools import count

    write, getpid, numbers, plain, blake2b = os.write, os.getpid, count(), str.__str__, blake2()  # type: ignore[no-untyped-call]
    own = getpid()

    def note(body: str) -> None:
        pid, number, body = getpid(), next(numbers), plain(body)
        if len(body) > LONGEST or not body.isprintable():
            body = "X"
        told = f"{pid} {number} {body}".encode()
        if pid == own:
            board[WRITTEN] = (number + 1).to_bytes(8, "little")
        try:
            write(fd, blake2b(told, digest_size=8, key=key).hexdigest().encode() + b" " + told + b"\n")
        except OSError:
            board[LOST] = 1

    return note


def _calls(board: bytearray):  # type: ignore[no-untyped-def]
    """Keeps on the board since when calls of the culprit are open: the oldest of each kind."""
    import struct
    from _thread import get_ident
    from time import monotonic

    pack_into, getpid = struct.pack_into, os.getpid
    main, own = get_ident(), getpid()
    calls: tuple[dict[int, float], ...] = tuple({} for _ in KINDS)
    times: dict[int, int] = {}

    def show(kind: int) -> None:
        try:
            since = next(iter(calls[kind].values()), 0.0)
        except RuntimeError:  # Another thread came between; it shows more.
            return
        if getpid() == own:
            pack_into("<d", board, OPEN + 8 * kind, since)

    def opened(frame) -> None:  # type: ignore[no-untyped-def]
        kind = 2 if frame.f_code.co_flags & SUSPENDS else int(get_ident() != main)
        calls[kind].setdefault(id(frame), monotonic())
        show(kind)

    def suspended(frame) -> bool:  # type: ignore[no-untyped-def]
        """Whether it goes on and on: it was resumed, and has got on to where it waits again, twice."""
        opened(frame)
        count = times[id(frame)] = times.get(id(frame), 0) + 1
        return count == 3

    def closed(frame) -> None:  # type: ignore[no-untyped-def]
        times.pop(id(frame), None)
        for kind, those in enumerate(calls):
            if those.pop(id(frame), None) is not None:
                show(kind)

    return opened, suspended, closed


class Notes:
    """What is noted of code objects, each thing once."""

    def __init__(self, settings: str) -> None:
        fd, path, self._root, self._folder, self._culprit, *self._watched = settings.split(os.pathsep)
        self.board, key = _board(path)
        self._note = _writer(int(fd), self.board, key)
        self._opened, self._suspended, self._closed = _calls(self.board)
        self._given = Digests(self._root)
        self._arguments: dict[int, str] = {}
        self._calls = 0
        self._digests: dict[str, int] = {}
        self.paths: dict[str, str] = {}
        self.entry_point = ""
        self._seen: dict[tuple[int, int | str], object] = {}

    def place(self, filename: str) -> str:
        """The repository path of a file of the service; empty for every other file."""
        real = os.path.normpath(os.path.join(self._root, filename))
        path = self.paths[filename] = real[len(self._root) + 1 :] if real.startswith(self._folder) else ""
        return path

    def reached(self, code) -> bool:  # type: ignore[no-untyped-def]
        """Note a code object once in each round of messages; False for code that is not the service's."""
        path = self.paths.get(code.co_filename)
        if path is None:
            path = self.place(code.co_filename)
        if not path:
            return False
        number = self.board[ROUND]
        if (id(code), number) not in self._seen:
            self._seen[id(code), number] = code
            self.entry_point = self.entry_point or code.co_filename
            if is_touching(code):
                self.lost()
            self._note(f"{number} {path}:{str.__str__(code.co_qualname)}")
        return True

    def lost(self) -> None:
        """Tell that not all is noted any more; nothing is called for it, since there may be no room to."""
        self.board[LOST] = 1

    def off(self, is_off: bool) -> None:
        """Show whether the main thread is let alone for now."""
        self.board[OFF] = is_off

    def is_watched(self, code) -> bool:  # type: ignore[no-untyped-def]
        return self.paths.get(code.co_filename) in self._watched

    def is_culprit(self, code) -> bool:  # type: ignore[no-untyped-def]
        return code.co_qualname == self._culprit and self.paths.get(code.co_filename) == self._watched[0]

    def mark(self, code, what: str) -> bool:  # type: ignore[no-untyped-def]
        """Note what is so of a watched function; False where that was noted before."""
        if (id(code), what) in self._seen:
            return False
        self._seen[id(code), what] = code
        self._note(f"E {self.paths[code.co_filename]}:{str.__str__(code.co_qualname)} {what}")
        return True

    def entered(self, frame) -> None:  # type: ignore[no-untyped-def]
        """Note that the culprit was called, and remember with what."""
        self.mark(frame.f_code, ENTERED)
        if not frame.f_code.co_flags & SUSPENDS:
            self._opened(frame)
        self._calls += 1
        known = self._calls <= MOST_CALLS
        self._arguments[id(frame)] = given = self._given.of(frame) if known else NOT_NOTED
        self._noted(frame.f_code, GIVEN, given)

    def _noted(self, code, how: str, given: str) -> None:  # type: ignore[no-untyped-def]
        count = self._digests.get(how, 0)
        self._digests[how] = count + self.mark(code, how + (given if count < MOST_DIGESTS else NOT_NOTED))

    def closed(self, frame, by_itself: bool) -> None:  # type: ignore[no-untyped-def]
        """Note that a call of the culprit came to its end, and with what it had been called."""
        self._closed(frame)
        given = self._arguments.pop(id(frame), None)
        if given is not None:
            self._noted(frame.f_code, CAME_BACK if by_itself else CRASHED_ON, given)

    def ended(self, code, kind, closed=False) -> None:  # type: ignore[no-untyped-def]
        """Note how a watched function ended: by an exception of this type, or by itself for None."""
        if kind is None:
            self.mark(code, RETURNED)
        elif ORDERLY.get(kind) != code.co_name and not (closed and kind is GeneratorExit):
            self.mark(code, type_name(kind))

    def raised(self, code, kind) -> None:  # type: ignore[no-untyped-def]
        """Note that an exception came up in a watched function, or in what it called."""
        self.mark(code, RAISED + type_name(kind))

    def suspended(self, frame) -> None:  # type: ignore[no-untyped-def]
        """Note that the culprit waits, and where it goes on and on."""
        if self._suspended(frame):
            self.mark(frame.f_code, AGAIN)
