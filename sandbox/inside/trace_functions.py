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

from sandbox.inside.trace_guard import watch_monitoring
from sandbox.inside.trace_loading import wrap
from sandbox.inside.trace_notes import LOST, Notes

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
    events, watched = monitoring.events, list[object]()
    set_events, set_local_events = monitoring.set_events, monitoring.set_local_events

    def watch(code: object, event: int) -> None:
        if not watched:
            watched.append(code)
            set_events(tool, plain | events.RAISE | events.PY_THROW)
        set_local_events(tool, code, event)

    return watch


def _registering(notes, monitoring):  # type: ignore[no-untyped-def]
    """Where there is no room on the stack, or the tool is taken, nothing is noted, and that is told."""

    def register(number, event, callback) -> None:  # type: ignore[no-untyped-def]
        def call(*args):  # type: ignore[no-untyped-def]
            try:
                return callback(*args)
            except (RecursionError, ValueError):
                notes.board[LOST] = 1
                return None

        monitoring.register_callback(number, event, call)

    return register


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
            notes.entered(frame_of(2))
        elif notes.is_watched(code):
            watch(code, events.PY_RETURN)
        return None

    def resumed(code, _offset):  # type: ignore[no-untyped-def]
        return None if notes.reached(code) else disable

    def returned(code, _offset, _value):  # type: ignore[no-untyped-def]
        if notes.is_culprit(code):
            notes.closed(frame_of(2), True)
        notes.ended(code, None)

    def unwound(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            frame = frame_of(2)
            if notes.is_culprit(code):
                notes.closed(frame, False)
            notes.ended(code, type(error), thrown.pop(id(frame), 0) == id(error))

    def raised(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            notes.raised(code, type(error))

    def threw(code, _offset, error):  # type: ignore[no-untyped-def]
        if notes.is_watched(code):
            thrown[id(frame_of(2))] = id(error)

    register = _registering(notes, monitoring)  # type: ignore[no-untyped-call]
    monitoring.use_tool_id(tool, "autohealer")
    register(tool, events.PY_START, started)
    register(tool, events.PY_RESUME, resumed)
    register(tool, events.PY_UNWIND, unwound)
    register(tool, events.PY_RETURN, returned)
    register(tool, events.PY_YIELD, lambda _code, _offset, _value: notes.suspended(frame_of(2)))
    register(tool, events.RAISE, raised)
    register(tool, events.PY_THROW, threw)
    monitoring.set_events(tool, plain)
    watch_monitoring(notes.lost, monitoring, tool)


def _leaving(notes, opmap):  # type: ignore[no-untyped-def]
    """How a watched frame is left: an exception that was not handled leaves it at where it was raised."""
    returns, suspends, begins = opmap["RETURN_VALUE"], opmap["YIELD_VALUE"], opmap["RETURN_GENERATOR"]
    raised = {}

    def leaves(frame, event, arg) -> None:  # type: ignore[no-untyped-def]
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

    return leaves


def _trace(notes) -> None:  # type: ignore[no-untyped-def]
    """Before 3.12 a trace function is called at every call of every thread."""
    from opcode import opmap

    suspends, resumes = opmap["YIELD_VALUE"], opmap["RESUME"]
    paths, board, leaves = notes.paths, notes.board, _leaving(notes, opmap)  # type: ignore[no-untyped-call]

    def trace(frame, _event, _arg):  # type: ignore[no-untyped-def]
        """An error in here would turn tracing off."""
        if paths.get(frame.f_code.co_filename) == "":
            return None
        try:
            return called(frame)
        except RecursionError:
            board[LOST] = 1
            return None

    def left(frame, event, arg):  # type: ignore[no-untyped-def]
        try:
            leaves(frame, event, arg)
        except RecursionError:
            board[LOST] = 1
        return left

    def called(frame) -> object:  # type: ignore[no-untyped-def]
        code, back = frame.f_code, frame.f_back
        if not notes.reached(code):
            return None
        if back and notes.is_watched(back.f_code) and back.f_trace is not left:
            notes.lost()
        if not notes.is_watched(code):
            return None
        frame.f_trace_lines = False
        if notes.is_culprit(code) and is_start(code.co_code, frame.f_lasti):
            notes.entered(frame)
        return left

    def is_start(code, at) -> bool:  # type: ignore[no-untyped-def]
        """Whether it is called, and not resumed: that is another argument of the same instruction."""
        return at < 0 or (code[at] != suspends and (code[at] != resumes or not code[at + 1]))

    wrap(notes, trace, _trace.__code__)
    sys.settrace(trace)


_settings = os.environ.pop(SETTINGS, None)
_uncover()
if _settings:
    (_monitor if sys.version_info >= (3, 12) else _trace)(Notes(_settings))
