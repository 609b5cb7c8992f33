"""Notes which functions of the service are reached, from within its own process.

Found by the interpreter through PYTHONPATH before the service's entry point is run, so the
entry point itself runs exactly as `python services/<name>/main.py` runs it. Every note is
written to a pipe at once: a process that is killed loses none. The service could write to
that pipe too, so what it says is a hint.
"""

# It shares the process with the service, so it imports next to nothing, pathlib included.
# ruff: noqa: PTH100, PTH118, PTH120, PTH123, SIM105

from __future__ import annotations

import os
import sys

SETTINGS = "AUTOHEALER_TRACE"
CO_GENERATOR, CO_ASYNC_GENERATOR = 0x20, 0x200
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


def _start(settings: str) -> None:
    import mmap

    note, phase_file, root, folder, *watched = settings.split(os.pathsep)
    write, fd = os.write, int(note)
    with open(phase_file, "rb") as file:
        phase = mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ)
    paths: dict[str, str] = {}
    seen: dict[tuple[int, int | str], object] = {}

    def place(filename: str) -> str:
        """The repository path of a file of the service; empty for every other file."""
        real = os.path.normpath(os.path.join(root, filename))
        path = paths[filename] = real[len(root) + 1 :] if real.startswith(folder) else ""
        return path

    def reached(code) -> bool:  # type: ignore[no-untyped-def]
        """Note a code object once in each round of messages; False for code that is not the service's."""
        path = paths.get(code.co_filename)
        if path is None:
            path = place(code.co_filename)
        if not path:
            return False
        if (id(code), phase[0]) not in seen:
            tell(code, phase[0], f"{phase[0]} {path}:{code.co_qualname}\n")
        return True

    def tell(code, what, line) -> None:  # type: ignore[no-untyped-def]
        """Write what is so of a code object, once."""
        seen[id(code), what] = code
        try:
            write(fd, line.encode())
        except OSError:
            pass

    def ended(code, kind) -> None:  # type: ignore[no-untyped-def]
        """Note how a watched function ended: by an exception of this type, or by itself for None."""
        error = kind.__name__ if kind else ""
        if (id(code), error) not in seen and not _is_orderly(code, kind):
            tell(code, error, f"E {paths[code.co_filename]}:{code.co_qualname} {error}\n")

    def is_watched(code) -> bool:  # type: ignore[no-untyped-def]
        return paths.get(code.co_filename) in watched

    if sys.version_info >= (3, 12):
        _monitor(reached, is_watched, ended)
    else:
        _trace(reached, place, is_watched, ended)


def _is_orderly(code, kind) -> bool:  # type: ignore[no-untyped-def]
    """Whether this is how what is iterated over says that it is at its end, or is closed."""
    if kind is GeneratorExit:
        return bool(code.co_flags & (CO_GENERATOR | CO_ASYNC_GENERATOR))
    return ORDERLY.get(kind) == code.co_name if kind else False


def _monitor(reached, is_watched, ended) -> None:  # type: ignore[no-untyped-def]
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, disable, events = 4, monitoring.DISABLE, monitoring.events

    def started(code, _offset):  # type: ignore[no-untyped-def]
        if not reached(code):
            return disable
        if is_watched(code):
            monitoring.set_local_events(tool, code, events.PY_RETURN)
        return None

    def unwound(code, _offset, error):  # type: ignore[no-untyped-def]
        if is_watched(code):
            ended(code, type(error))

    monitoring.use_tool_id(tool, "autohealer")
    monitoring.register_callback(tool, events.PY_START, started)
    monitoring.register_callback(tool, events.PY_RESUME, started)
    monitoring.register_callback(tool, events.PY_UNWIND, unwound)
    monitoring.register_callback(tool, events.PY_RETURN, lambda code, _offset, _value: ended(code, None))
    monitoring.set_events(tool, events.PY_START | events.PY_RESUME | events.PY_UNWIND)


def _trace(reached, place, is_watched, ended) -> None:  # type: ignore[no-untyped-def]
    """Before 3.12 a trace function is called for every call; it is off while foreign modules are loaded."""
    import importlib.machinery
    import threading
    from opcode import opmap

    returns, yields = opmap["RETURN_VALUE"], (opmap["YIELD_VALUE"], opmap["RETURN_GENERATOR"])
    raised: dict[int, type] = {}

    def trace(frame, _event, _arg):  # type: ignore[no-untyped-def]
        if not reached(frame.f_code) or not is_watched(frame.f_code):
            return None
        frame.f_trace_lines = False
        return left

    def left(frame, event, arg):  # type: ignore[no-untyped-def]
        """How a watched frame is left: an exception that was not handled leaves it at where it was raised."""
        if event == "exception":
            raised[id(frame)] = arg[0]
        elif event == "return":
            error, last = raised.pop(id(frame), None), frame.f_code.co_code[frame.f_lasti]
            if last == returns:
                ended(frame.f_code, None)
            elif error and last not in yields:
                ended(frame.f_code, error)
        return left

    # The import system cuts its own frames out of a traceback by their file name, so with that name the
    # wrapper stays out of the tracebacks as well.
    source = (
        "def _call_with_frames_removed(self, module):\n"
        "    before = gettrace()\n"
        "    settrace(trace if place(module.__spec__.origin or '') else None)\n"
        "    try:\n"
        "        return load(self, module)\n"
        "    finally:\n"
        "        settrace(before)\n"
    )
    loader = importlib.machinery.SourceFileLoader
    names = {"place": place, "load": loader.exec_module, "trace": trace}
    names.update(gettrace=sys.gettrace, settrace=sys.settrace)
    exec(compile(source, "<frozen importlib._bootstrap_external>", "exec"), names)
    loader.exec_module = names["_call_with_frames_removed"]  # type: ignore[method-assign]
    threading.settrace(trace)
    sys.settrace(trace)


_settings = os.environ.pop(SETTINGS, None)
_uncover()
if _settings:
    _start(_settings)
