"""Standard output that decides nothing: whoever reads it may go away or know fewer characters."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import IO, Any, NoReturn, cast

import click


def replace_unknown() -> None:
    """Write a mark for a character that the terminal's encoding does not have."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def tell_error(message: str, code: int, *, as_json: bool) -> NoReturn:
    """One line on standard error, or a JSON object on standard output, then the exit."""
    told = json.dumps({"error": message, "exit_code": int(code)}) if as_json else ""
    if not (as_json and _written(told)):
        # The output itself may be what failed: then the line goes where people look.
        with contextlib.suppress(OSError):
            click.echo(f"autohealer: {message}", err=True)
    _written("")
    sys.exit(int(code))


def _written(line: str) -> bool:
    """Whether a line, or what else still waits, reached standard output; if not, it is let go."""
    try:
        if line:
            click.echo(line)
        sys.stdout.flush()
    except OSError:
        let_go(sys.stdout)
        return False
    return True


def told_of(error: OSError | UnicodeError) -> str:
    """A path, a file or an output that cannot be used, in a line."""
    if isinstance(error, UnicodeError):
        return f"what was to be read is no UTF-8 text: {error}"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def unfailing(stream: IO[str]) -> IO[str]:
    """The stream, on which nothing fails: once it cannot be written, what is written goes nowhere."""
    return cast("IO[str]", _Unfailing(stream))


def let_go(stream: IO[str]) -> None:
    """Point a stream that cannot be written to nowhere, so that closing it at the exit does not fail."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


class _Unfailing:
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            let_go(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            let_go(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
