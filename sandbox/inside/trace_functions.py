"""Notes which functions of the service are reached, from within its own process.

Found by the interpreter through PYTHONPATH before the service's entry point is run, so the
entry point itself runs exactly as `python services/<name>/main.py` runs it. What `trace_notes.py` and
`trace_digest.py` know stands in the same file there.
"""

# It shares the process with the service, so it imports next to nothing, pathlib included.
# ruff: noqa: PTH100, PTH120

from __future__ import annotations

import os
import sys

from sandbox.inside.trace_notes import Notes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SETTINGS = "AUTOHEALER_TRACE"


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


def _watching(monitoring, tool: int, plain: int):  # type: ignore[no-untyped-def]
    """Turns on what is told of a watched code object; of exceptions only from the first of these on."""
    events = monitoring.events
    watched: list[object] = []

    def watch(code: object, event: int) -> None:
        if not watched:
            watched.append(code)
            monitoring.set_events(tool, plain | events.RAISE | events.PY_THROW)
        monitoring.set_local_events(tool, code, event)

    return watch


def _monitor(notes) -> None:  # type: ignore[no-untyped-def]
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, disable, events, frame_of = 4, monitoring.DISABLE, monitoring.events, sys._getframe
    plain = events.PY_START | events.PY_RESUME | events.PY_UNWIND
    thrown: dict[int, int] = {}
    watch = _watching(monitoring, tool, plain)

    def started(code, _offset):  # type: ignore[no-untyped-def]
        if not notes.reached(code):
            return disable
        if notes.is_culprit(code):
            watch(code, events.PY_RETURN | events.PY_YIELD)
            notes.entered(frame_of(1))
        elif notes.is_watched(code):
            watch(code, events.PY_RETURN)
        return None

    def resumed(code, _offset):  # type: ignore[no-untyped-def]
        return None if notes.reached(code) else disable

    def returned(code, _offset, _value):  # type: ignore[no-untyped-def]
        if notes.is_culprit(code):
            notes.closed(frame_of(1), True)
        notes.ended(code, None)

    def unwound(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            frame = frame_of(1)
            if notes.is_culprit(code):
                notes.closed(frame, False)
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
    import threading
    from opcode import opmap

    returns, suspends, begins = opmap["RETURN_VALUE"], opmap["YIELD_VALUE"], opmap["RETURN_GENERATOR"]
    paths, raised = notes.paths, {}

    def trace(frame, _event, _arg):  # type: ignore[no-untyped-def]
        code = frame.f_code
        if paths.get(code.co_filename) == "" or not notes.reached(code) or not notes.is_watched(code):
            return None
        frame.f_trace_lines = False
        if notes.is_culprit(code) and (frame.f_lasti < 0 or code.co_code[frame.f_lasti] != suspends):
            notes.entered(frame)
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
                if notes.is_culprit(code):
                    notes.closed(frame, last == returns)
                if last == returns or error:
                    notes.ended(code, None if last == returns else error, thrown)
        return left

    _wrap(notes, trace)
    threading.settrace(trace)
    sys.settrace(trace)


# The import system cuts its own frames out of a traceback by their file name, so with that name the
# wrapper stays out of the tracebacks as well.
_WRAPPERS = (
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


def _wrap(notes, trace) -> None:  # type: ignore[no-untyped-def]
    """Put what turns tracing off and on around the loading of modules and the start of plain threads."""
    import _thread
    import importlib.machinery
    import threading

    outputs, paths = (sys.stdout, sys.stderr), notes.paths

    def is_at_the_start():  # type: ignore[no-untyped-def]
        """Whether what is loaded now cannot come to call the service: only its modules are being loaded."""
        for frame in _stack(sys._getframe(2)):
            name = frame.f_code.co_filename
            if paths.get(name) and frame.f_code.co_name != "<module>" and name != notes.entry_point:
                return False
        return (sys.stdout, sys.stderr) == outputs

    loader = importlib.machinery.SourceFileLoader
    names = {"place": notes.place, "load": loader.exec_module, "trace": trace}
    names.update(gettrace=sys.gettrace, settrace=sys.settrace, is_at_the_start=is_at_the_start)
    names.update(start=_thread.start_new_thread, bootstrap=threading.Thread.__dict__["_bootstrap"])
    exec(compile(_WRAPPERS, "<frozen importlib._bootstrap_external>", "exec"), names)
    loader.exec_module = names["_call_with_frames_removed"]  # type: ignore[method-assign]
    for where, name in (
        (_thread, "start_new_thread"),
        (_thread, "start_new"),
        (threading, "_start_new_thread"),
    ):
        setattr(where, name, names["start_new_thread"])


_settings = os.environ.pop(SETTINGS, None)
_uncover()
if _settings:
    (_monitor if sys.version_info >= (3, 12) else _trace)(Notes(_settings))
