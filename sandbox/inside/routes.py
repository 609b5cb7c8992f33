"""Which HTTP routes a service has, asked without running any of their handlers."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator

ANSWER_S = 0.5
READ_AT_MOST = 4096
UNKNOWN = 404
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_ALLOW = re.compile(rb"\r\nallow: *([A-Z, ]+)\r\n", re.IGNORECASE)


def routes(ports: Iterable[int], paths: Iterable[str]) -> Iterator[str]:
    """The paths that a server on one of the ports knows, and `METHOD path` where it says which it allows.

    Asked by OPTIONS, which servers answer from their table of routes.
    """
    for port in ports:
        for path in paths:
            answer = _ask(port, path)
            if answer is None:
                break
            status = _STATUS.match(answer)
            if status is None or int(status[1]) == UNKNOWN:
                continue
            yield path
            if (allowed := _ALLOW.search(answer)) is not None:
                yield from (f"{method.strip()} {path}" for method in allowed[1].decode().split(","))


def _ask(port: int, path: str) -> bytes | None:
    """The head of the answer; None where the server does not speak HTTP."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
            connection.sendall(
                f"OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            return connection.recv(READ_AT_MOST)
    except OSError:
        return None
