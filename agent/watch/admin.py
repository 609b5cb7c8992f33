"""A small HTTP server on 127.0.0.1: Prometheus metrics, and what MarketSwarm's admin page reads.

    GET  /metrics                          Prometheus text
    GET  /api/health/healer                {"enabled", "active", "cooldowns", "history"}
    POST /api/health/healer/toggle         {"enabled": true | false}
    GET  /api/health/healer/log?lines=N    {"lines": [...]}, the last signals

Only requests that name a loopback host are answered, and a toggle must be JSON: a web page that
somebody opens on this machine can send neither.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agent.watch.facts import MOST_LINES, Facts

HOSTS = ("127.0.0.1", "localhost", "[::1]")
LARGEST_BODY = 4096


class Admin:
    """Serves until it is closed.

    Args:
        facts: what to tell; called on the server's threads.
        log: the last N signals as JSON lines.
        toggle: switches healing on or off; False when that could not be done.

    Raises:
        OSError: the port is taken.
    """

    def __init__(
        self,
        port: int,
        facts: Callable[[], Facts],
        log: Callable[[int], list[str]],
        toggle: Callable[[bool], bool],
    ) -> None:
        class Handler(_Handler):
            sources = (facts, log, toggle)

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name="admin", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that is served, also when any free one was asked for."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    sources: tuple[Callable[[], Facts], Callable[[int], list[str]], Callable[[bool], bool]]
    timeout = 5
    server_version = "AutoHealer"
    sys_version = ""

    def do_GET(self) -> None:
        facts, log, _ = self.sources
        url = urlsplit(self.path)
        if not self._is_local():
            return
        if url.path == "/metrics":
            self._answer(200, metrics(facts()), "text/plain; version=0.0.4")
        elif url.path == "/api/health/healer":
            self._answer(200, json.dumps(status(facts())))
        elif url.path == "/api/health/healer/log":
            asked = parse_qs(url.query).get("lines", ["100"])[0]
            lines = int(asked) if asked.isascii() and asked.isdigit() else 100
            self._answer(200, json.dumps({"lines": log(min(lines, MOST_LINES))}))
        else:
            self._answer(404, json.dumps({"error": "not found"}))

    def do_POST(self) -> None:
        if not self._is_local():
            return
        if urlsplit(self.path).path != "/api/health/healer/toggle":
            self._answer(404, json.dumps({"error": "not found"}))
            return
        wanted = self._wanted()
        if wanted is None:
            self._answer(400, json.dumps({"error": 'send {"enabled": true} or {"enabled": false} as JSON'}))
        elif self.sources[2](wanted):
            self._answer(200, json.dumps({"enabled": wanted}))
        else:
            self._answer(503, json.dumps({"error": "system-redis cannot be written"}))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _is_local(self) -> bool:
        host = (self.headers.get("Host") or "").rpartition(":")
        name = host[0] if host[0] and host[2].isdigit() else "".join(host)
        if name in HOSTS:
            return True
        self._answer(403, json.dumps({"error": "only for this machine"}))
        return False

    def _wanted(self) -> bool | None:
        length = self.headers.get("Content-Length") or ""
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip()
        if kind != "application/json" or not length.isdigit() or int(length) > LARGEST_BODY:
            return None
        try:
            wanted = json.loads(self.rfile.read(int(length)))["enabled"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return wanted if isinstance(wanted, bool) else None

    def _answer(self, code: int, text: str, kind: str = "application/json") -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def status(facts: Facts) -> dict[str, Any]:
    """The object that the admin page reads."""
    cooldowns = {
        service: {"last_attempt": last, "remaining_sec": round(left, 1)}
        for service, (last, left) in facts.cooldowns.items()
    }
    return {
        "enabled": facts.enabled,
        "active": list(facts.active),
        "cooldowns": cooldowns,
        "history": list(facts.history),
    }


def metrics(facts: Facts) -> str:
    """The facts as Prometheus metrics."""
    lines = ["# TYPE autohealer_enabled gauge", f"autohealer_enabled {int(facts.enabled)}"]
    lines += ["# TYPE autohealer_service_up gauge"]
    lines += [f'autohealer_service_up{{service="{n}"}} {int(p == "up")}' for n, p in facts.services.items()]
    lines += ["# TYPE autohealer_redis_up gauge"]
    lines += [f'autohealer_redis_up{{redis="{name}"}} {int(up)}' for name, up in facts.redis.items()]
    lines += ["# TYPE autohealer_heals_running gauge", f"autohealer_heals_running {len(facts.active)}"]
    lines += ["# TYPE autohealer_incidents gauge"]
    lines += [f'autohealer_incidents{{state="{state}"}} {n}' for state, n in facts.incidents.items()]
    lines += ["# TYPE autohealer_cost_usd gauge", f"autohealer_cost_usd {facts.cost_usd:g}"]
    return "\n".join(lines) + "\n"
