"""The routes.

GET  /                                  the live page
GET  /now                               its changing part
GET  /events                            steps of running heals, as server-sent events
GET  /stats                             looking back, with plots
GET  /incidents/{id}/runs/{n}/{file}    report.html, report.md, patch.diff, pull_request.md
POST /switch                            enabled=true|false, by a form
POST /incidents/{id}/approve, /decline  a branch that waits before it is pushed
GET  /api/health/healer                 {"enabled", "active", "cooldowns", "history"}
POST /api/health/healer/toggle          {"enabled": true | false}, JSON
GET  /api/health/healer/log?lines=N     {"lines": [...]}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.approval import NotWaiting, Waiting, approve, decline
from agent.cleaning import cleaned
from agent.past import pasts
from agent.report.again import tell_again
from agent.report.html import POLICY, fill_html
from agent.report.stats_page import render_stats
from agent.serve.feed import Feed, Journals, TooMany
from agent.serve.guard import COOKIE, Guard, cookie_of, matches
from agent.serve.view import View
from agent.settings import PublishSettings
from agent.stats import stats_of
from agent.store import Busy, Store
from agent.texts import template
from tools.incident import IncidentError, IncidentFolder

LARGEST_BODY = 4096
STATS_FRESH_S = 10.0
COOKIE_S = 30 * 24 * 3600

Decide = Callable[[Store, IncidentFolder, PublishSettings], Waiting]


class Site:
    """The handlers over one view of the state."""

    def __init__(self, view: View, token: str | None) -> None:
        self.view, self.token = view, token
        self.feed = Feed(Journals(view.store.root / "incidents", lambda text: view.clean()(text)))

    def page(self, request: Request) -> Response:
        return self.html("serve.html")

    def now(self, request: Request) -> Response:
        return self.html("serve_now.html")

    def html(self, name: str) -> Response:
        return Response(self.view.fresh(name, lambda: self.rendered(name)), media_type="text/html")

    def rendered(self, name: str) -> bytes:
        """A page as it is sent, rendered once for all who ask within a moment."""
        view = self.view
        return fill_html(
            name,
            view.clean(),
            status=view.status(),
            since=view.seen_until(),
            running=view.running(),
            history=view.history(),
            approval=view.settings.publish.approval,
            token=self.token is not None,
        ).encode()

    async def events(self, request: Request) -> Response:
        try:
            reader = self.feed.open()
        except TooMany:
            return JSONResponse({"error": "too many readers"}, 503, {"retry-after": "10"})
        since = request.headers.get("last-event-id") or request.query_params.get("since")
        frames = self.feed.frames(reader, since)
        return StreamingResponse(frames, media_type="text/event-stream")

    def stats(self, request: Request) -> Response:
        text = self.view.fresh("stats", self.stats_page, STATS_FRESH_S)
        return Response(text, media_type="text/html", headers={"content-security-policy": POLICY})

    def stats_page(self) -> str:
        view = self.view
        repo = view.settings.repo.expanduser() if view.settings.repo else None
        return render_stats(stats_of(pasts(view.store), repo), "all incidents", view.clean())

    def file(self, request: Request) -> Response:
        said = request.path_params
        path = self.view.file(said["incident"], said["run"], said["name"])
        if path is None:
            return PlainTextResponse("This file is on the machine that healed, and is not served.\n", 404)
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".html":
            # Cleaned value by value when it was written; cleaning its markup could break it.
            return Response(text, media_type="text/html", headers={"content-security-policy": POLICY})
        return PlainTextResponse(self.view.clean()(text))

    async def switch(self, request: Request) -> Response:
        wanted = (await _form(request)).get("enabled")
        if wanted not in ("true", "false"):
            return PlainTextResponse("enabled must be true or false\n", 400)
        if not await run_in_threadpool(self.view.switch, wanted == "true"):
            return PlainTextResponse("system-redis cannot be written: the switch is as it was\n", 503)
        return RedirectResponse("/", 303)

    async def approve(self, request: Request) -> Response:
        await _form(request)
        return await self.decided(request, approve)

    async def decline(self, request: Request) -> Response:
        reason = (await _form(request)).get("reason", "")
        return await self.decided(
            request, lambda store, folder, settings: decline(store, folder, settings, reason)
        )

    async def decided(self, request: Request, decide: Decide) -> Response:
        return await run_in_threadpool(self.decide, request.path_params["incident"], decide)

    def decide(self, incident: str, decide: Decide) -> Response:
        view = self.view
        try:
            decided = decide(view.store, view.store.find(incident), view.settings.publish)
            tell_again(decided.run, view.settings)
        except IncidentError as error:
            return PlainTextResponse(f"{error}\n", 404)
        except (NotWaiting, Busy) as error:
            return PlainTextResponse(f"{view.clean()(str(error))}\n", 409)
        finally:
            view.forget()
        return RedirectResponse("/", 303)

    def status(self, request: Request) -> Response:
        return Response(self.view.fresh("status.json", self.status_json), media_type="application/json")

    def status_json(self) -> bytes:
        """What MarketSwarm's page reads, encoded once for all who ask within a moment."""
        return json.dumps(cleaned(self.view.status(), self.view.clean())).encode()

    async def toggle(self, request: Request) -> Response:
        wanted = await _enabled(request)
        if wanted is None:
            return JSONResponse({"error": 'send {"enabled": true} or {"enabled": false} as JSON'}, 400)
        if not await run_in_threadpool(self.view.switch, wanted):
            return JSONResponse({"error": "system-redis cannot be written"}, 503)
        return JSONResponse({"enabled": wanted})

    def log(self, request: Request) -> Response:
        asked = request.query_params.get("lines", "100")
        count = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 100
        return JSONResponse({"lines": self.view.log(count)})

    def login(self, request: Request) -> Response:
        return Response(fill_html("serve_login.html", str, wrong=False), media_type="text/html")

    async def logged_in(self, request: Request) -> Response:
        said = (await _form(request)).get("token", "").strip()
        if self.token is None or not matches(said, self.token):
            return Response(fill_html("serve_login.html", str, wrong=True), 403, media_type="text/html")
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, cookie_of(self.token), COOKIE_S, httponly=True, samesite="strict", secure=secure
        )
        return answer

    @asynccontextmanager
    async def life(self, app: Starlette) -> AsyncIterator[None]:
        following = asyncio.create_task(self.feed.follow())
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def make_app(view: View, token: str | None) -> tuple[Starlette, Feed]:
    """The application, and the feed to close before it can end. `token` None: this machine only."""
    site = Site(view, token)
    routes = [
        Route("/", site.page),
        Route("/now", site.now),
        Route("/events", site.events),
        Route("/stats", site.stats),
        Route("/page.css", _text("page.css", "text/css")),
        Route("/live.js", _text("live.js", "text/javascript")),
        Route("/login", site.login),
        Route("/login", site.logged_in, methods=["POST"]),
        Route("/incidents/{incident}/runs/{run}/{name}", site.file),
        Route("/switch", site.switch, methods=["POST"]),
        Route("/incidents/{incident}/approve", site.approve, methods=["POST"]),
        Route("/incidents/{incident}/decline", site.decline, methods=["POST"]),
        Route("/api/health/healer", site.status),
        Route("/api/health/healer/toggle", site.toggle, methods=["POST"]),
        Route("/api/health/healer/log", site.log),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, token=token)], lifespan=site.life)
    return app, site.feed


def _text(name: str, kind: str) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        return Response(template(name), media_type=kind)

    return serve


async def _body(request: Request) -> bytes:
    """The body, cut where it is longer than any that is expected."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return b""
    return body


async def _form(request: Request) -> dict[str, str]:
    text = (await _body(request)).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(text).items()}


async def _enabled(request: Request) -> bool | None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        return None
    try:
        wanted = json.loads(await _body(request))["enabled"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return wanted if isinstance(wanted, bool) else None
