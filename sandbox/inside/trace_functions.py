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

    note, phase_file, root, folder = settings.split(os.pathsep)
    write, fd = os.write, int(note)
    with open(phase_file, "rb") as file:
        phase = mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ)
    paths: dict[str, str] = {}
    seen: dict[tuple[int, int], object] = {}

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
        key = (id(code), now := phase[0])
        if key not in seen:
            seen[key] = code
            try:
                write(fd, f"{now} {path}:{code.co_qualname}\n".encode())
            except OSError:
                pass
        return True

    if sys.version_info >= (3, 12):
        _monitor(reached)
    else:
        _trace(reached, place)


def _monitor(reached) -> None:  # type: ignore[no-untyped-def]
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool, disable = 4, monitoring.DISABLE

    def started(code, _offset):  # type: ignore[no-untyped-def]
        return None if reached(code) else disable

    monitoring.use_tool_id(tool, "autohealer")
    events = monitoring.events.PY_START | monitoring.events.PY_RESUME
    for event in (monitoring.events.PY_START, monitoring.events.PY_RESUME):
        monitoring.register_callback(tool, event, started)
    monitoring.set_events(tool, events)


def _trace(reached, place) -> None:  # type: ignore[no-untyped-def]
    """Before 3.12 a trace function is called for every call; it is off while foreign modules are loaded."""
    import importlib.machinery
    import threading

    def trace(frame, _event, _arg):  # type: ignore[no-untyped-def]
        reached(frame.f_code)

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
