"""`autohealer serve`: the admin page, for this machine unless a token guards it."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import secrets
import socket
from pathlib import Path

import click

from agent.cli.session import as_json, settings_of, store_of, tells_errors
from agent.settings import Settings, SettingsError
from agent.store import StateError, Store

TOKEN = "serve.token"
PORT = 8737
SHORTEST_TOKEN = 16
NICE = 10


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option("--repo", type=click.Path(path_type=Path), help="The MarketSwarm checkout.")
@click.option("--token", "guarded", is_flag=True, help="Ask for a token on this machine too.")
@click.option("--token-file", type=click.Path(path_type=Path), help="The token (default: STATE/serve.token).")
@as_json
@click.pass_context
@tells_errors
def command(
    ctx: click.Context,
    host: str,
    port: int,
    repo: Path | None,
    guarded: bool,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Serve a live page, and what MarketSwarm's admin page reads under /api/health/healer.

    On any other address than this machine's own loopback, a token is needed: it is made and kept in
    the state folder, readable by you alone. Needs the extra `web`.
    """
    settings = settings_of(ctx, {"repo": str(repo.absolute()) if repo else None})
    store = store_of(settings)
    needed = guarded or token_file is not None or not _is_loopback(host)
    file = (token_file or store.root / TOKEN) if needed else None
    token = _token(file, make=token_file is None) if file else None
    _serve(settings, store, host, port, token, str(file) if file else None, as_json)


def _serve(
    settings: Settings, store: Store, host: str, port: int, token: str | None, file: str | None, as_json: bool
) -> None:
    try:
        import uvicorn

        from agent.serve.app import make_app
        from agent.serve.view import View
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is missing: install the extra, autohealer[web]") from error

    # Whoever reads waits for a heal, and never a heal for them.
    os.nice(NICE)
    app, feed = make_app(View(store, settings), token)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # Else the open streams would keep it alive.
            feed.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        lifespan="on",
    )
    listening = _listen(host, port)
    with listening:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listening.getsockname()[1]}/"
        told = f"serving {url}" + (f"; the token is in {file}" if file else "")
        click.echo(json.dumps({"url": url, "token_file": file}) if as_json else told)
        Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        free = "; `--port 0` takes any free one" if error.errno == errno.EADDRINUSE else ""
        told = f"cannot listen on {host} port {port}: {error.strerror or error}{free}"
        raise SettingsError(told) from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(file: Path, *, make: bool) -> str:
    if make and not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as writer:
            writer.write(f"{secrets.token_urlsafe(32)}\n")
    try:
        token = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StateError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} holds no text: a token is one line of it") from error
    if len(token) < SHORTEST_TOKEN:
        raise SettingsError(f"{file} must hold a token of at least {SHORTEST_TOKEN} characters")
    return token
