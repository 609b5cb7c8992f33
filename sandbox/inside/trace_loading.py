"""Before 3.12 tracing costs at every call, so it is off while foreign modules are loaded at the start.

That is so on the main thread only, and only until the process first talks to something: from then on there
are data that the service can be called with.
"""

# It shares the process with the service, so it imports next to nothing.

from __future__ import annotations

import sys

from sandbox.inside.trace_guard import watch_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame:
        yield frame
        frame = frame.f_back


# The import system cuts its own frames out of a traceback by their file name, so with that name the
# wrapper stays out of the tracebacks as well.
_WRAPPERS = (
    "def _call_with_frames_removed(self, module):\n"
    "    settrace(at_import(module.__spec__.origin or ''))\n"
    "    try:\n"
    "        return load(self, module)\n"
    "    finally:\n"
    "        settrace(after_import())\n"
    "def _run(function, args, kwargs):\n"
    "    settrace(trace)\n"
    "    function(*args, **kwargs)\n"
    "def start_new_thread(function, args, kwargs={}):\n"
    "    return start(_run if callable(function) else function, (function, args, kwargs))\n"
    "def connects():\n"
    "    settrace(trace)\n"
)


class _Imports:
    """Whether what is loaded now is traced: a foreign module that can come to call the service is."""

    def __init__(self, notes, trace) -> None:  # type: ignore[no-untyped-def]
        from _thread import get_ident

        self._notes, self._trace, self._ident, self._main = notes, trace, get_ident, get_ident()
        self._outputs = sys.stdout, sys.stderr
        self._before: list[object] = []
        self.connected = False

    def at_import(self, origin: str):  # type: ignore[no-untyped-def]
        """What traces while a module is loaded; nothing, for a foreign one at the start."""
        if self._ident() != self._main:
            return self._trace
        self._before.append(before := sys.gettrace())
        foreign = not self._notes.place(origin) and (before is None or self._is_at_the_start())
        self._notes.off(foreign and not self.connected)
        return None if foreign and not self.connected else self._trace

    def after_import(self):  # type: ignore[no-untyped-def]
        """What traces after that."""
        is_off = self._ident() == self._main and self._before.pop() is None and not self.connected
        if self._ident() == self._main:
            self._notes.off(is_off)
        return None if is_off else self._trace

    def connects(self) -> bool:
        """From now on there are data to be met; whether it is the main thread that gets them."""
        self.connected = True
        if is_main := self._ident() == self._main:
            self._notes.off(False)
        return is_main

    def _is_at_the_start(self) -> bool:
        """Whether what is loaded now cannot come to call the service: only its modules are being loaded."""
        paths = self._notes.paths
        for frame in _stack(sys._getframe(3)):
            name = frame.f_code.co_filename
            if paths.get(name) and frame.f_code.co_name != "<module>" and name != self._notes.entry_point:
                return False
        return (sys.stdout, sys.stderr) == self._outputs


def wrap(notes, trace, starts) -> None:  # type: ignore[no-untyped-def]
    """Put what turns tracing off and on around the loading of modules and the start of threads.

    `starts` is the code that turns it on first.
    """
    import _thread
    import importlib.machinery
    import threading

    imports, loader = _Imports(notes, trace), importlib.machinery.SourceFileLoader
    names = {"load": loader.exec_module, "trace": trace, "settrace": sys.settrace}
    names.update(at_import=imports.at_import, after_import=imports.after_import)
    names.update(start=_thread.start_new_thread)
    exec(compile(_WRAPPERS, "<frozen importlib._bootstrap_external>", "exec"), names)
    loader.exec_module = names["_call_with_frames_removed"]  # type: ignore[method-assign]
    for where, name in (
        (_thread, "start_new_thread"),
        (_thread, "start_new"),
        (threading, "_start_new_thread"),
    ):
        setattr(where, name, names["start_new_thread"])
    own = {names[name].__code__ for name in ("_call_with_frames_removed", "_run", "connects")}
    own.add(starts)
    on = names["connects"]
    watch_events(
        notes.lost,
        lambda frame: frame.f_code in own,
        lambda function: function is names["_run"],
        lambda: on() if imports.connects() else None,
    )
