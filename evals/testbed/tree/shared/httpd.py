"""A small HTTP/1.1 server on asyncio streams, so that services need no web framework.

    server = HttpServer("copilot", logger)
    server.route("GET", "/api/alerts/{id}", handler)
    await server.start("127.0.0.1", 8095)

A handler takes a Request and returns a JSON-able value, or (status, value). HttpError gives
its status; anything else that a handler raises is logged and answered with 500.
"""

import asyncio
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_BODY = 1 << 20
READ_TIMEOUT_SEC = 10
REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized"}
REASONS |= {404: "Not Found", 405: "Method Not Allowed", 413: "Payload Too Large"}
REASONS |= {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}


class HttpError(Exception):
    """Answer with this status and message."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


@dataclass
class Request:
    method: str
    path: str
    query: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    body: bytes = b""

    def json(self):
        try:
            return json.loads(self.body or b"{}")
        except ValueError as exc:
            raise HttpError(400, f"body is not JSON: {exc}") from exc


class HttpServer:
    def __init__(self, name, logger):
        self.name = name
        self.logger = logger
        self._routes = []
        self._server = None

    def route(self, method, pattern, handler):
        regex = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "$")
        self._routes.append((method, regex, handler))

    async def start(self, host, port):
        """Listen. Raises OSError (address already in use) where another process has the port."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.logger.ok(f"HTTP listening on {host}:{port}", emoji="🌐")

    async def stop(self):
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader, writer):
        try:
            request = await asyncio.wait_for(self._read(reader), READ_TIMEOUT_SEC)
            if request is not None:
                status, value = await self._answer(request)
                await self._write(writer, status, value)
        except HttpError as exc:
            await self._write(writer, exc.status, {"error": str(exc)})
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
            pass
        finally:
            writer.close()

    async def _read(self, reader):
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            return None
        method, target, _version = line.split(" ", 2)
        headers = {}
        while header := (await reader.readline()).decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        if length > MAX_BODY:
            raise HttpError(413, "body too large")
        body = await reader.readexactly(length) if length else b""
        parts = urlsplit(target)
        return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, {}, body)

    async def _answer(self, request):
        known = False
        for method, regex, handler in self._routes:
            match = regex.match(request.path)
            if match is None:
                continue
            known = True
            if method == request.method:
                request.params = match.groupdict()
                return await self._call(handler, request)
        return (405, {"error": "method not allowed"}) if known else (404, {"error": "not found"})

    async def _call(self, handler, request):
        try:
            result = await handler(request)
        except HttpError:
            raise
        except Exception as exc:
            self.logger.error(f"{request.method} {request.path} failed: {exc}")
            return 500, {"error": "internal error"}
        if isinstance(result, tuple):
            return result
        return 200, result

    @staticmethod
    async def _write(writer, status, value):
        body = b"" if status == 204 else json.dumps(value).encode()
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
