"""Who may ask, and what a browser may do with the answer: in front of every route."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "autohealer"
OPEN_TO_ALL = ("/login", "/page.css")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware. Without a token only this machine is answered, and only by a loopback name:
    a web page that somebody opens here can neither read nor change anything."""

    app: ASGIApp
    token: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (refusal or self.app)(scope, receive, with_headers)

    def refusal(self, scope: Scope) -> Response | None:
        """Why a request is not handed on; None where it is."""
        headers, path = Headers(scope=scope), scope["path"]
        if self.token is None and _name(headers.get("host", "")) not in LOOPBACK:
            return _error(403, "only for this machine, by a name of it")
        if scope["method"] == "POST" and not _same_origin(headers):
            return _error(403, "this was sent by another site")
        if self.token is None or path in OPEN_TO_ALL or self.is_known(headers):
            return None
        if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return _error(401, "send the token: Authorization: Bearer ...")

    def is_known(self, headers: Headers) -> bool:
        """Does the request bring the token, or the cookie that was given for it?"""
        assert self.token is not None
        kind, _, said = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and matches(said.strip(), self.token):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and matches(cookie.value, cookie_of(self.token))


def matches(said: str, wanted: str) -> bool:
    """Compare without telling by the time it takes."""
    return hmac.compare_digest(said.encode(), wanted.encode())


def cookie_of(token: str) -> str:
    """What the cookie holds: not the token itself."""
    return hashlib.sha256(f"autohealer cookie {token}".encode()).hexdigest()


def _name(host: str) -> str:
    """The name of a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_origin(headers: Headers) -> bool:
    """Was this sent by our own page, or by no web page at all?"""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


def _error(code: int, text: str) -> Response:
    return Response(json.dumps({"error": text}), code, media_type="application/json")
