"""A Redis client of one screen: the standard library only, since importing redis-py costs 0.1 s a boot."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import BinaryIO

Argument = str | bytes | int | float
Reply = str | bytes | int | None | list["Reply"]


class RespError(Exception):
    """The server answered with an error, or the connection ended."""


def encode(command: Sequence[Argument]) -> bytes:
    """One command as the server reads it: an array of bulk strings."""
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in command]
    head = b"*%d\r\n" % len(parts)
    return head + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Client:
    """A blocking connection to the server that listens on a port of the loopback."""

    def __init__(self, port: int) -> None:
        """Connect.

        Raises:
            OSError: nothing answers on the port.
        """
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file: BinaryIO = self.socket.makefile("rb")

    def call(self, *command: Argument) -> Reply:
        """Send one command and return its reply."""
        return self.pipeline([command])[0]

    def pipeline(self, commands: Sequence[Sequence[Argument]]) -> list[Reply]:
        """Send commands at once and return their replies.

        Raises:
            RespError: one of them was refused.
        """
        self.socket.sendall(b"".join(encode(command) for command in commands))
        return [read_reply(self._file) for _ in commands]

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self.socket.close()


def read_reply(file: BinaryIO) -> Reply:
    """Read one RESP2 reply.

    Raises:
        RespError: it is an error, or the stream ended.
    """
    line = file.readline()
    kind, rest = line[:1], line[1:].rstrip(b"\r\n")
    match kind:
        case b"+":
            return rest.decode()
        case b":":
            return int(rest)
        case b"$":
            return None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
        case b"*":
            return None if rest == b"-1" else [read_reply(file) for _ in range(int(rest))]
        case b"-":
            raise RespError(rest.decode(errors="replace"))
        case _:
            raise RespError("the connection ended")
