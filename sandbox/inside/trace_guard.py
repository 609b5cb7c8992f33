"""Sees to it that nobody turns the tracer off without a word: what was not traced is told as such.

What cannot be seen from here: code in C that starts threads of its own, and other processes.
"""

# It shares the process with the service, so it imports next to nothing.

from __future__ import annotations

import sys

TOUCHING = frozenset({"f_trace", "settrace", "_settraceallthreads", "settrace_all_threads", "call_tracing"})
"""Names by which code gets at tracing; a service has no use for them."""
CONNECTS = "socket.connect"
BY_EVENT = frozenset({"cpython.PyInterpreterState_New", "sys.monitoring.register_callback"})


def is_touching(code) -> bool:  # type: ignore[no-untyped-def]
    """Whether a function names what tracing is turned off by."""
    return not TOUCHING.isdisjoint(code.co_names)


def watch_events(lost, is_ours, is_started, connects) -> None:  # type: ignore[no-untyped-def]
    """Watch who turns tracing on or off, and who starts threads.

    `is_ours` says of a frame whether it is the tracer's, `is_started` of a function whether a thread may
    start with it; `connects` is told once when the process first talks to something.
    """
    frame_of, connected = sys._getframe, False

    def hook(event, args):  # type: ignore[no-untyped-def]
        nonlocal connected
        if event == "sys.settrace":
            if not is_ours(frame_of(1)):
                lost()
        elif event == "_thread.start_new_thread":
            if not is_started(args[0]):
                lost()
        elif event == CONNECTS:
            if not connected:
                connected = True
                connects()
        elif event in BY_EVENT:
            lost()

    sys.addaudithook(hook)


def watch_monitoring(lost, monitoring, tool: int) -> None:  # type: ignore[no-untyped-def]
    """From 3.12 on: tell who takes the tool, or its events, from the tracer."""

    def watched(function) -> object:  # type: ignore[no-untyped-def]
        def call(*args):  # type: ignore[no-untyped-def]
            if args[:1] == (tool,):
                lost()
            return function(*args)

        return call

    never = lambda _: True  # noqa: E731
    watch_events(lost, never, never, list)
    for name in ("free_tool_id", "clear_tool_id", "set_events", "set_local_events", "register_callback"):
        if function := getattr(monitoring, name, None):
            setattr(monitoring, name, watched(function))
