"""One request to a forge's REST interface, and what its answer means."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from agent.model.faults import message_of, retry_after
from agent.publish.forge import Exists, ForgeError, NotThere, RateLimited, Refused, Unauthorized, Unavailable
from tools.redact import Redactor

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

LARGEST_ANSWER = 32 << 20
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Wire:
    """Requests below one base URL, each with a deadline for the whole of it. Nothing is sent again.

    Raises:
        ForgeError: the base URL would send the token unencrypted to another machine.
    """

    def __init__(self, base: str, token: str, headers: Mapping[str, str], deadline_s: float = 20.0) -> None:
        parts = urlsplit(base)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ForgeError(f"{base} is no https address: a token is not sent there")
        self._base = base.rstrip("/")
        self._headers = {"User-Agent": "AutoHealer", **headers}
        self._deadline_s = deadline_s
        # A proxy of the environment cannot reach what is on this machine.
        self._trust_env = parts.hostname not in LOOPBACK
        self._redact = Redactor([token])

    def get(self, kind: type[T], path: str, **params: str | int) -> T:
        """What a GET answers, of the `kind` that is documented."""
        return _understood(kind, self._asked("GET", path, None, params), f"GET {path}")

    def send(self, kind: type[T], method: str, path: str, body: Mapping[str, Any]) -> T:
        """What a request with a JSON body answers."""
        return _understood(kind, self._asked(method, path, body, {}), f"{method} {path}")

    @cached_property
    def _client(self) -> httpx2.Client:
        """It holds no connection between requests, so there is nothing to close."""
        # Late: it costs a tenth of a second, and most runs ask no forge.
        import httpx2

        return httpx2.Client(
            headers=self._headers,
            timeout=self._deadline_s / 2,
            trust_env=self._trust_env,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def _asked(self, method: str, path: str, body: object, params: Mapping[str, str | int]) -> object:
        import httpx2

        ends = time.monotonic() + self._deadline_s
        try:
            # A redirected POST would become a GET, so only what is safe follows.
            with (
                self._client.stream(
                    method,
                    self._base + path,
                    params=dict(params) or None,
                    json=body,
                    follow_redirects=method == "GET",
                ) as response,
            ):
                return self._read(response, f"{method} {path}", ends)
        except httpx2.TransportError as error:
            told = self._redact(str(error)) or type(error).__name__
            raise Unavailable(f"{urlsplit(self._base).netloc}: {told}") from error

    def _read(self, response: httpx2.Response, asked: str, ends: float) -> object:
        raw = bytearray()
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > LARGEST_ANSWER or time.monotonic() > ends:
                raise Unavailable(f"{asked}: the answer does not end")
        try:
            body = json.loads(bytes(raw)) if raw else None
        except ValueError:
            body = bytes(raw[:2000])
        if 200 <= response.status_code < 300 and not isinstance(body, bytes):
            return body
        raise self._fault(response.status_code, body, response.headers, asked)

    def _fault(self, status: int, body: object, headers: Mapping[str, str], asked: str) -> ForgeError:
        told = f"{asked}: HTTP {status}: {self._redact(_words(body))}"
        wait_s = _wait(status, body, headers)
        if wait_s is not None or status == 429:
            return RateLimited(f"too many requests ({told})", wait_s)
        if status == 401:
            return Unauthorized(f"the token is not accepted: it may have expired ({told})")
        if status == 403:
            return Unauthorized(f"the token may not do this ({told})")
        if status == 404:
            return NotThere(f"there is no such project, or the token may not see it ({told})")
        if status == 409 or (status == 422 and "already exists" in _words(body)):
            return Exists(told)
        if status >= 500 or status in (200, 408):
            return Unavailable(told)
        return Refused(told)


def _understood(kind: type[T], answer: object, asked: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unavailable(f"{asked}: not an answer of a forge ({where}: {first['msg']})") from error


def _wait(status: int, body: object, headers: Mapping[str, str]) -> float | None:
    """Seconds to stay away, where the answer is one about too many requests."""
    if status not in (403, 429):
        return None
    asked = retry_after(headers)
    if asked is not None:
        return asked
    spent = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining")) == "0"
    reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
    if spent and reset.isdigit():
        return max(0.0, int(reset) - time.time())
    return 60.0 if "secondary rate limit" in _words(body) else None


def _words(body: object) -> str:
    """The forge's own words, with those of its list of errors."""
    told = message_of(body)
    errors = body.get("errors") if isinstance(body, Mapping) else None
    if isinstance(errors, list):
        told += "; " + "; ".join(message_of(error) for error in errors[:5])
    return told[:600]
