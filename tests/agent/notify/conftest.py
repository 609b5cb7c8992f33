"""People to tell: a real HTTP server that is a webhook, Slack's Web API and an apprise service at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from agent.notify.book import Rules
from agent.notify.channel import Channel
from agent.notify.config import Paging
from agent.notify.courier import Courier
from agent.notify.outbox import Outbox
from agent.notify.page import Page, Stage

AT = 1_790_000_000.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How the server answers one request; `silent` is the seconds before it does."""

    status: int = 200
    body: str = "ok"
    headers: dict[str, str] = field(default_factory=dict)
    silent: float = 0.0


@dataclass(slots=True)
class People:
    """Everybody who is told. `answers` come in order, then every message is taken."""

    url: str = ""
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    @property
    def webhook(self) -> str:
        return f"{self.url}/services/T000/B000/aSecretPartOfTheUrl123"

    @property
    def texts(self) -> list[str]:
        return [str(body.get("text")) for _, body in self.heard]

    @property
    def titles(self) -> list[str]:
        return [text.splitlines()[0].strip("*") for text in self.texts]

    def wait_for(self, count: int, seconds: float = 15.0) -> None:
        ends = time.monotonic() + seconds
        while len(self.heard) < count:
            assert time.monotonic() < ends, f"{len(self.heard)} of {count} messages: {self.titles}"
            time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        people = self.server.plays
        raw = self.rfile.read(int(self.headers["content-length"]))
        try:
            body = json.loads(raw)
        except ValueError:
            body = {"raw": raw.decode()}
        people.tokens.add(self.headers.get("authorization", ""))
        answer = people.answers.pop(0) if people.answers else Answer(body=self.taken(body))
        time.sleep(answer.silent)
        if answer.status == 200:
            people.heard.append((self.path, body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body.encode())

    def taken(self, body: dict[str, Any]) -> str:
        if "/api/" not in self.path:
            return "ok"
        return json.dumps(
            {"ok": True, "channel": "C42", "ts": f"1790000000.{len(self.server.plays.heard):06}"}
        )


@pytest.fixture
def people(http_server: Callable[..., Any]) -> People:
    server = http_server(Handler)
    server.plays = People(server.url)
    return server.plays


@pytest.fixture
def answer() -> type[Answer]:
    """The class of an answer, since a test cannot import this file."""
    return Answer


def page_at(stage: Stage, after: float = 0.0, service: str = "vigil", **more: str) -> Page:
    more = {"incident": f"{service}-1", **more}
    return Page(stage, AT + after, service, more.pop("what", f"{service} tells {stage}"), **more)


@pytest.fixture
def page() -> Callable[..., Page]:
    """`page("down")`: one of vigil at a fixed moment; `after` is seconds, the rest are its texts."""
    return page_at


@pytest.fixture
def fresh_page() -> Callable[..., Page]:
    """The same, now."""
    return lambda stage, **more: page_at(stage, time.time() - AT, **more)


@pytest.fixture
def courier(tmp_path: Path) -> Callable[..., Courier]:
    """`courier(channel, ...)` on this test's state folder, quick and without a time to settle."""

    def make(*channels: Channel, secrets: tuple[str, ...] = (), **rules: Any) -> Courier:
        said = Rules(**{"settle_s": 0.0, **rules})
        return Courier(
            Outbox(tmp_path / "state"), Paging(channels, said, secrets), pause_s=0.02, longest_s=20.0
        )

    return make
