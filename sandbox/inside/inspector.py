"""A client of V8's inspector, over which a Node process is looked at from outside of it.

A WebSocket as RFC 6455 has it, as far as Node's inspector goes: text, no extensions.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

CONNECT_S = 5.0
READ_AT_ONCE = 1 << 18
MOST_BYTES = 64 << 20
TEXT, CLOSE = 0x81, 8
_URL = re.compile(r"ws://([\d.]+):(\d+)(/[\w-]+)")
_QUICK_ACK = 12
"""TCP_QUICKACK. Node's inspector holds a second small message back until the first is acknowledged."""

Answer = Callable[[dict[str, Any]], None]


class InspectorError(Exception):
    """There is no inspector to talk to, or it does not talk as it should."""


class Inspector:
    """A connection. Events go to `events` by their method, answers to who asked."""

    def __init__(self, url: str, events: Mapping[str, Answer]) -> None:
        """Connect to `ws://host:port/id`.

        Raises:
            InspectorError: it is no such URL, or its server does not shake hands.
        """
        found = _URL.fullmatch(url)
        if found is None:
            raise InspectorError(f"no inspector's URL: {url[:200]}")
        host, port, path = found.groups()
        self.port = int(port)
        self._events = events
        self._asked: dict[int, Answer | None] = {}
        self.socket = socket.create_connection((host, self.port), CONNECT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = self._shake_hands(f"{host}:{port}", path)
        self.socket.setblocking(False)

    def _shake_hands(self, host: str, path: str) -> bytes:
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        said = b""
        while b"\r\n\r\n" not in said:
            data = self.socket.recv(READ_AT_ONCE)
            if not data or len(said) > READ_AT_ONCE:
                raise InspectorError("the inspector shook no hands")
            said += data
        head, _, rest = said.partition(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise InspectorError(f"the inspector refused: {head[:200]!r}")
        return rest

    @property
    def waiting(self) -> bool:
        """Whether an answer that somebody wants is still to come."""
        return any(answer is not None for answer in self._asked.values())

    def ask(self, method: str, answer: Answer | None = None, **params: Any) -> None:
        """Send one request. Ids are random: what the process writes to this socket itself answers nothing."""
        number = struct.unpack(">I", os.urandom(4))[0] >> 1
        self._asked[number] = answer
        data = json.dumps({"id": number, "method": method, "params": params}).encode()
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        try:
            # The mask is zero: a mask keeps proxies from being fooled, and there is none.
            self.socket.sendall(bytes([TEXT]) + length + b"\0\0\0\0" + data)
        except OSError:
            self._asked.clear()

    def read(self) -> bool:
        """Take in what has come; False once the other end is gone."""
        try:
            data = self.socket.recv(READ_AT_ONCE)
            if sys.platform == "linux":
                self.socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        self._buffer += data
        while (text := self._next()) is not None:
            self._take(text)
        if not data or len(self._buffer) > MOST_BYTES:
            self._asked.clear()
            return False
        return True

    def disconnect(self) -> None:
        """End the connection, so that the process goes on to its end; `read` finds that it is gone."""
        self._asked.clear()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _next(self) -> bytes | None:
        """The next whole message."""
        if len(self._buffer) < 2:
            return None
        length, start = self._buffer[1] & 0x7F, 2
        if length > 125:
            form, start = (">H", 4) if length == 126 else (">Q", 10)
            if len(self._buffer) < start:
                return None
            length = struct.unpack(form, self._buffer[2:start])[0]
        if len(self._buffer) < start + length:
            return None
        closed = self._buffer[0] & 0x0F == CLOSE
        text, self._buffer = self._buffer[start : start + length], self._buffer[start + length :]
        return b"" if closed else text

    def _take(self, text: bytes) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        if "id" in message:
            answer, told = self._asked.pop(message["id"], None), message.get("result")
        else:
            answer, told = self._events.get(str(message.get("method"))), message.get("params")
        if answer is not None:
            answer(told if isinstance(told, dict) else {})
