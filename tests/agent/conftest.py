"""A provider to talk to: a real HTTP server on this machine, and nothing beyond it."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agent.model.spec import ModelSpec

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(scope="session", autouse=True)
def no_real_provider() -> Iterator[None]:
    """No test of this room opens a connection to another machine: the socket itself refuses."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            pytest.fail(f"a test tried to reach {address[0]}: only a server on this machine may be asked")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does with one request. `pause` is the seconds between the bytes of the body."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    pause: float = 0.0
    silent: float = 0.0
    reset: bool = False
    claimed: int | None = None

    @property
    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(slots=True)
class Asked:
    """One request as the server saw it; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Provider:
    """A server that gives its replies in order, and the last one again and again."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def spec(self, model: str = "grok-4", **options: Any) -> ModelSpec:
        """A model that this server plays."""
        defaults: dict[str, Any] = {
            "base_url": f"{self.url}/v1",
            "key_names": ("TEST_KEY",),
            "timeout_s": 5.0,
        }
        return ModelSpec(model, **(defaults | options))


class Server(ThreadingHTTPServer):
    """Threads die with the process; a client that hangs up is no error. `plays` is what handlers act for."""

    daemon_threads = True
    block_on_close = False
    plays: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.respond()

    def do_POST(self) -> None:
        self.respond()

    def respond(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        provider = self.server.plays
        headers = {name.lower(): value for name, value in self.headers.items()}
        provider.asked.append(Asked(self.command, self.path, headers, json.loads(raw) if raw else None))
        reply = provider.replies.pop(0) if len(provider.replies) > 1 else provider.replies[0]
        if reply.silent:
            time.sleep(reply.silent)
        if reply.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            self.close_connection = True
            return
        self.send(reply)

    def send(self, reply: Reply) -> None:
        payload = reply.payload
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        self.send_header("content-length", str(reply.claimed or len(payload)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.claimed:
            self.close_connection = True
        if not reply.pause:
            self.wfile.write(payload)
            return
        for place in range(len(payload)):
            self.wfile.write(payload[place : place + 1])
            time.sleep(reply.pause)


ServerFactory = Callable[[type[BaseHTTPRequestHandler]], Server]
ProviderFactory = Callable[..., Provider]


@pytest.fixture
def http_server() -> Iterator[ServerFactory]:
    """`http_server(Handler)` starts a server on a free port that prints nothing; it ends with the test."""
    with contextlib.ExitStack() as stack:

        def start(handler: type[BaseHTTPRequestHandler]) -> Server:
            server = Server(("127.0.0.1", 0), type("Quiet", (handler,), {"log_message": lambda *_: None}))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture
def provider(http_server: ServerFactory) -> ProviderFactory:
    """`provider(*replies)` starts a provider; it ends with the test."""

    def start(*replies: Reply) -> Provider:
        server = http_server(Handler)
        server.plays = Provider(server.url, list(replies))
        return server.plays

    return start


@pytest.fixture
def reply() -> type[Reply]:
    """The class of a reply, since a test cannot import this file."""
    return Reply
