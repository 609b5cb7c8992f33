"""What a service listens on: ports, and HTTP routes, asked without running their handlers if it can be."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator

ANSWER_S = 0.5
LISTEN = "0A"
READ_AT_MOST = 4096
MOST_SILENT = 3
UNKNOWN = 404
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_ALLOW = re.compile(rb"\r\nallow: *([A-Z, ]+)\r\n", re.IGNORECASE)


def routes(ports: Iterable[int], paths: Iterable[str]) -> Iterator[str]:
    """The paths that a server on one of the ports knows, and `METHOD path` where it says which it allows.

    Asked by OPTIONS, which servers answer from their table of routes.
    """
    for port in ports:
        silent = 0
        for path in paths:
            answer = _ask(port, path)
            silent += answer == b""
            if answer is None or silent == MOST_SILENT:
                break
            status = _STATUS.match(answer)
            if status is None or int(status[1]) == UNKNOWN:
                continue
            yield path
            if (allowed := _ALLOW.search(answer)) is not None:
                yield from (f"{method.strip()} {path}" for method in allowed[1].decode().split(","))


def _ask(port: int, path: str) -> bytes | None:
    """The head of the answer, empty where none came in time; None where the server does not speak HTTP."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
            connection.sendall(
                f"OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            return connection.recv(READ_AT_MOST) or None
    except TimeoutError:
        return b""
    except OSError:
        return None


def listening(except_for: set[int]) -> list[int]:
    """The TCP ports of this network namespace that somebody listens on."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:  # noqa: PTH123 - pathlib is slow to import here
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        cells = (row.split() for row in rows)
        ports |= {int(cell[1].rpartition(":")[2], 16) for cell in cells if cell[3] == LISTEN}
    return sorted(ports - except_for)
