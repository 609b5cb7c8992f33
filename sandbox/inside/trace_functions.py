"""Notes which functions of the service are reached, from within its own process.

Found by the interpreter through PYTHONPATH before the service's entry point is run, so the
entry point itself runs exactly as `python services/<name>/main.py` runs it. Every note is
written to a pipe at once: a process that is killed loses none. The service shares the process, so
what is noted is a hint; but each note has a number and is signed, so that what is lost, and what
the service itself wrote to that pipe, is seen as what it is.
"""

# It shares the process with the service, so it imports next to nothing, pathlib included.
# ruff: noqa: PTH100, PTH108, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SETTINGS = "AUTOHEALER_TRACE"
LONGEST = 2000
"""Of a note, in characters: as UTF-8 less than what a pipe takes at once or not at all."""
ROUND, LOST, WRITTEN, KEY, OPEN = 0, 1, slice(8, 16), slice(16, 32), 32
"""What is where on the board, which both sides see; from OPEN on since when calls of the culprit are open."""
KINDS = ("on the main thread", "in a thread", "suspended")
RETURNED, ENTERED, AGAIN, RAISED, NAMELESS = "->", ">", "~", "!", "?"
"""How the culprit fares, beside the types of exceptions: those that have such names are nameless."""
CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = 0x20, 0x80, 0x200
SUSPENDS = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
ORDERLY = {StopIteration: "__next__", StopAsyncIteration: "__anext__"}


def _uncover() -> None:
    """Take every trace of this file away, then run the sitecustomize that it hid."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry != here]
    own = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    if others := [entry for entry in own if entry and entry != here]:
        os.environ["PYTHONPATH"] = os.pathsep.join(others)
    this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        sys.modules["sitecustomize"] = this
        if error.name != "sitecustomize":
            raise


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

    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    write, getpid, numbers, plain = os.write, os.getpid, count(), str.__str__
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


class _Notes:
    """What is noted of code objects, each thing once."""

    def __init__(self, settings: str) -> None:
        fd, path, self._root, self._folder, self._culprit, *self._watched = settings.split(os.pathsep)
        self._board, key = _board(path)
        self._note = _writer(int(fd), self._board, key)
        self.opened, self._suspended, self.closed = _calls(self._board)
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
        number = self._board[ROUND]
        if (id(code), number) not in self._seen:
            self._seen[id(code), number] = code
            self.entry_point = self.entry_point or code.co_filename
            self._note(f"{number} {path}:{str.__str__(code.co_qualname)}")
        return True

    def is_watched(self, code) -> bool:  # type: ignore[no-untyped-def]
        return self.paths.get(code.co_filename) in self._watched

    def is_culprit(self, code) -> bool:  # type: ignore[no-untyped-def]
        return code.co_qualname == self._culprit and self.paths.get(code.co_filename) == self._watched[0]

    def mark(self, code, what: str) -> None:  # type: ignore[no-untyped-def]
        """Note what is so of a watched function."""
        if (id(code), what) not in self._seen:
            self._seen[id(code), what] = code
            self._note(f"E {self.paths[code.co_filename]}:{str.__str__(code.co_qualname)} {what}")

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


_NAME = type.__dict__["__name__"].__get__


def type_name(kind: type) -> str:
    """The name of an exception's type, without asking its own code for it."""
    name = str.__str__(_NAME(kind))
    return name if name.isidentifier() and len(name) <= 200 else NAMELESS


def _monitor(notes) -> None:  # type: ignore[no-untyped-def]
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, disable, events, frame_of = 4, monitoring.DISABLE, monitoring.events, sys._getframe
    plain = events.PY_START | events.PY_RESUME | events.PY_UNWIND
    thrown: dict[int, int] = {}
    watching: list[bool] = []

    def watch(code: object, event: int) -> None:
        if not watching:  # Before that it is no use to be told of each exception.
            watching.append(True)
            monitoring.set_events(tool, plain | events.RAISE | events.PY_THROW)
        monitoring.set_local_events(tool, code, event)

    def started(code, _offset):  # type: ignore[no-untyped-def]
        if not notes.reached(code):
            return disable
        if notes.is_culprit(code):
            watch(code, events.PY_RETURN | events.PY_YIELD)
            notes.mark(code, ENTERED)
            if not code.co_flags & SUSPENDS:
                notes.opened(frame_of(1))
        elif notes.is_watched(code):
            watch(code, events.PY_RETURN)
        return None

    def resumed(code, _offset):  # type: ignore[no-untyped-def]
        return None if notes.reached(code) else disable

    def returned(code, _offset, _value):  # type: ignore[no-untyped-def]
        notes.closed(frame_of(1))
        notes.ended(code, None)

    def unwound(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            frame = frame_of(1)
            notes.closed(frame)
            notes.ended(code, type(error), thrown.pop(id(frame), 0) == id(error))

    def raised(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            notes.raised(code, type(error))

    def threw(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            thrown[id(frame_of(1))] = id(error)

    register = monitoring.register_callback
    monitoring.use_tool_id(tool, "autohealer")
    register(tool, events.PY_START, started)
    register(tool, events.PY_RESUME, resumed)
    register(tool, events.PY_UNWIND, unwound)
    register(tool, events.PY_RETURN, returned)
    register(tool, events.PY_YIELD, lambda _code, _offset, _value: notes.suspended(frame_of(1)))
    register(tool, events.RAISE, raised)
    register(tool, events.PY_THROW, threw)
    monitoring.set_events(tool, plain)


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


def _trace(notes) -> None:  # type: ignore[no-untyped-def]
    """Before 3.12 a trace function is called at every call, so it is off while foreign modules are loaded."""
    import _thread
    import importlib.machinery
    import threading
    from opcode import opmap

    returns, suspends, begins = opmap["RETURN_VALUE"], opmap["YIELD_VALUE"], opmap["RETURN_GENERATOR"]
    outputs = sys.stdout, sys.stderr
    paths, raised = notes.paths, {}

    def trace(frame, _event, _arg):  # type: ignore[no-untyped-def]
        code = frame.f_code
        if paths.get(code.co_filename) == "" or not notes.reached(code) or not notes.is_watched(code):
            return None
        frame.f_trace_lines = False
        if notes.is_culprit(code):
            notes.mark(code, ENTERED)
            if not code.co_flags & SUSPENDS:
                notes.opened(frame)
        return left

    def left(frame, event, arg):  # type: ignore[no-untyped-def]
        """How a watched frame is left: an exception that was not handled leaves it at where it was raised."""
        code, at = frame.f_code, frame.f_lasti
        last = code.co_code[at]
        if event == "exception":
            notes.raised(code, arg[0])
            raised[id(frame)] = arg[0], at
        elif event == "return":
            error, where = raised.pop(id(frame), (None, None))
            thrown = last == suspends and where == at and arg is None
            if last == suspends and not thrown:
                if notes.is_culprit(code):
                    notes.suspended(frame)
            elif last != begins:
                notes.closed(frame)
                if last == returns or error:
                    notes.ended(code, None if last == returns else error, thrown)
        return left

    def is_at_the_start():  # type: ignore[no-untyped-def]
        """Whether what is loaded now cannot come to call the service: only its modules are being loaded."""
        for frame in _stack(sys._getframe(2)):
            name = frame.f_code.co_filename
            if paths.get(name) and frame.f_code.co_name != "<module>" and name != notes.entry_point:
                return False
        return (sys.stdout, sys.stderr) == outputs

    # The import system cuts its own frames out of a traceback by their file name, so with that name the
    # wrapper stays out of the tracebacks as well.
    source = (
        "def _call_with_frames_removed(self, module):\n"
        "    before = gettrace()\n"
        "    foreign = before is None or not place(module.__spec__.origin or '') and is_at_the_start()\n"
        "    settrace(None if foreign else trace)\n"
        "    try:\n"
        "        return load(self, module)\n"
        "    finally:\n"
        "        settrace(before)\n"
        "def _run(function, args, kwargs):\n"
        "    settrace(trace)\n"
        "    function(*args, **kwargs)\n"
        "def start_new_thread(function, args, kwargs={}):\n"
        "    if getattr(function, '__func__', None) is bootstrap or not callable(function):\n"
        "        return start(function, args, kwargs)\n"
        "    return start(_run, (function, args, kwargs))\n"
    )
    loader = importlib.machinery.SourceFileLoader
    names = {"place": notes.place, "load": loader.exec_module, "trace": trace}
    names.update(gettrace=sys.gettrace, settrace=sys.settrace, is_at_the_start=is_at_the_start)
    names.update(start=_thread.start_new_thread, bootstrap=threading.Thread.__dict__["_bootstrap"])
    exec(compile(source, "<frozen importlib._bootstrap_external>", "exec"), names)
    loader.exec_module = names["_call_with_frames_removed"]  # type: ignore[method-assign]
    for where, name in (
        (_thread, "start_new_thread"),
        (_thread, "start_new"),
        (threading, "_start_new_thread"),
    ):
        setattr(where, name, names["start_new_thread"])
    threading.settrace(trace)
    sys.settrace(trace)


_settings = os.environ.pop(SETTINGS, None)
_uncover()
if _settings:
    (_monitor if sys.version_info >= (3, 12) else _trace)(_Notes(_settings))
