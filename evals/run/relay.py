"""A program that answers as a model would, started for as long as answers are recorded."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tenacity import retry, retry_if_exception_type, stop_after_attempt

PORT = "{port}"
STARTS_WITHIN_S = 20.0
ENDS_WITHIN_S = 5.0


class RelayError(Exception):
    """A relay that cannot be started, or does not listen; the message says what is wrong."""


@contextmanager
def relay(words: str) -> Iterator[str]:
    """Start PROGRAM ARGS, in which `{port}` stands for a free port of loopback; the URL it answers at.

    It writes to our standard error, and is ended with everything that it started.

    Raises:
        RelayError: no port was asked for, the program cannot be started, or nothing listens in time.
    """
    if PORT not in words:
        raise RelayError(
            f"say where the relay's port goes, as in: --relay 'python3 relay.py ANSWERS --port {PORT}'"
        )
    running, port = _started(words)
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        _end(running)


# A port that somebody else was quicker to take is no reason to give up.
@retry(retry=retry_if_exception_type(RelayError), stop=stop_after_attempt(3), reraise=True)
def _started(words: str) -> tuple[subprocess.Popen[bytes], int]:
    """The program, listening, and its port."""
    port = _free_port()
    argv = [word.replace(PORT, str(port)) for word in shlex.split(words)]
    try:
        running = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True)
    except OSError as error:
        raise RelayError(f"{argv[0]} cannot be started: {error.strerror}") from error
    try:
        _until_it_listens(running, port)
    except BaseException:
        _end(running)
        raise
    return running, port


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _until_it_listens(running: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise RelayError(f"the relay ended with {running.returncode} before it listened")
        if _listens(port):
            # Somebody else may have been quicker to the port; a program without one ends.
            time.sleep(0.2)
            if running.poll() is None:
                return
        time.sleep(0.05)
    raise RelayError(f"the relay does not listen on port {port} after {STARTS_WITHIN_S:.0f} s")


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            # A client that is given the very port it asks for is connected with itself.
            return bool(client.getsockname() != client.getpeername())
    except OSError:
        return False


def _end(running: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(running.pid, number)
        except ProcessLookupError:
            break
        try:
            running.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            continue
    running.wait()
