"""Exceptions as plain data, and who looks at frames while the code under test runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from .suspicion import words

_MESSAGE, _FRAMES, _TEXT = 2000, 40, 3000
_WATCHED = words(
    "sys._getframe sys._current_frames sys._current_exceptions sys.settrace sys.setprofile"
    " sys.addaudithook gc.get_objects gc.get_referrers gc.get_referents ctypes.dlopen ctypes.dlsym"
    " code.__new__ function.__new__ object.__setattr__ sys.monitoring.register_callback"
    " cpython.run_command os.kill signal.pthread_kill os.fork os.forkpty sys.excepthook"
    " sys.unraisablehook"
)
_READ = words("__code__ tb_frame gi_frame gi_code cr_frame cr_code ag_frame f_locals f_globals")


_GO_BETWEENS = ("/inspect.py", "/traceback.py", "/threading.py", "/ctypes/__init__.py")
_HERE = __file__.rpartition("/")[0]


def failure(error: BaseException, root: str) -> dict[str, Any]:
    """Type, message, frames below `root` (innermost last) and a short text of an exception."""
    if type(error).__name__ == "CollectError" and error.__cause__ is not None:
        error = error.__cause__
    found = _frames(error, root)
    message = _text_of(error)
    lines = [f'  File "{path}", line {line}, in {function}' for path, line, function in found[-8:]]
    told = "\n".join([*lines, f"{type_name(error)}: {message}"])
    return {"type": type_name(error), "message": message, "frames": found, "text": told[-_TEXT:]}


def type_name(error: BaseException) -> str:
    """The exception's type as a traceback prints it."""
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def _frames(error: BaseException, root: str) -> list[tuple[str, int, str]]:
    found = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        path = inside(code.co_filename, root)
        if path is not None:
            found.append((path, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        path = inside(error.filename, root)
        if path is not None:
            found.append((path, error.lineno or 0, "<module>"))
    return found[-_FRAMES:]


def inside(file: str, root: str) -> str | None:
    """The path of a file of the tree below `root`, None for any other."""
    # The interpreter and this harness may lie below the same folder name on the host.
    if file.startswith((f"{sys.prefix}/", f"{sys.base_prefix}/", f"{_HERE}/")):
        return None
    return file[len(root) + 1 :] if file.startswith(f"{root}/") else None


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE]
    except Exception as trouble:  # noqa: BLE001 - whatever a hostile __str__ raises
        return f"<its text cannot be had: {type(trouble).__name__}>"


def watch(tell: Callable[[dict[str, Any]], None], root: str, trusted: frozenset[str]) -> None:
    """From now on, say which files of the tree look at frames, hook into the interpreter and so on.

    An audit hook cannot be taken out again, and what it says is out before the call goes on.
    """
    told: set[tuple[str, str]] = set()
    busy = [False]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "object.__getattr__":
            if arguments[1] not in _READ:
                return
        elif event not in _WATCHED:
            return
        if busy[0]:
            return
        busy[0] = True
        try:
            path = _origin(event, sys._getframe(1), root, trusted)
            if path is not None and (event, path) not in told:
                told.add((event, path))
                tell({"e": "watched", "event": event, "path": path})
        finally:
            busy[0] = False

    sys.addaudithook(hook)


def _origin(event: str, frame: FrameType | None, root: str, trusted: frozenset[str]) -> str | None:
    """The file of the tree, not of the tests, that does this: itself, or by inspect and its like."""
    while frame is not None:
        file = frame.f_code.co_filename
        if event == "object.__getattr__" or not file.endswith(_GO_BETWEENS):
            return None if file in trusted else inside(file, root)
        frame = frame.f_back
    return None
