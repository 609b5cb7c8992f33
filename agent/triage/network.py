"""Connections that failed: MySQL, other services, ports that are taken."""

from __future__ import annotations

import re

from agent.diagnosis import Category
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError

_IN_USE = re.compile(
    r"EADDRINUSE|address already in use|\[Errno (?:98|48)\]|Only one usage of each socket", re.I
)
REFUSED = re.compile(
    r"ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ETIMEDOUT|Connection refused|Connect call failed"
    r"|Connection reset by peer"
    r"|Connection closed by server|Error -?\d{1,5} (?:connecting to|while writing)|Cannot connect to host"
    r"|All connection attempts failed|Timeout connecting to server|Timeout reading from"
    r"|ConnectionRefusedError"
    r"|Max retries exceeded|Server disconnected|No route to host|Connection lost|Broken pipe",
    re.IGNORECASE,
)
"""What a client says, in Python or Node, when nobody answers."""
_MYSQL = re.compile(
    r"Can't connect to MySQL|Access denied for user|Unknown database|Lost connection to MySQL"
    r"|MySQL server has gone away"
    r"|MySQL Connection not available|Too many connections|ER_ACCESS_DENIED|ER_BAD_DB|ER_CON_COUNT"
    r"|PROTOCOL_CONNECTION_LOST|\b(?:2002|2003|2005|2006|2013|2055|1040|1044|1045|1049"
    r"|1698)\b[ (:,].{0,40}(?:mysql|HY000|28000|42000|08004|connect)"
    r"|Can't connect to server on|server closed the connection|Authentication plugin",
    re.IGNORECASE,
)
_NOT_LET_IN = re.compile(r"Access denied for user '|Unknown database '")
"""Words of MySQL's own that need not come with its name, where a service logs no more than the message."""
_TIMEOUTS = {"TimeoutError", "ConnectTimeout", "ReadTimeout"}


def port_conflict(scene: Scene) -> Finding | None:
    """A port that is already taken."""
    text = _first(scene, _IN_USE)
    if text is None:
        return None
    raw = scene.crash.text if scene.crash else ""
    port = scene.port_in(text) or scene.port_in(raw) or scene.component.port
    holder = scene.ports.get(port) if port else None
    finding = Finding(
        Category.PORT_CONFLICT,
        "not_fixable",
        0.95,
        f"Port {port or '(not named)'} is taken by another process, so {scene.service} cannot listen.",
        reason="infrastructure",
        action=_free(port) if port else "find the process that holds the port and end it",
        evidence=(f"log: {text}",),
    )
    if holder is None or holder == scene.service or not port or port == scene.component.port:
        return finding
    return Finding(
        Category.PORT_CONFLICT,
        "unclear",
        0.6,
        f"{scene.service} wants port {port}, which is {holder}'s; its own is {scene.component.port}.",
        evidence=(f"log: {text}",),
        notes=(
            f"not a left-over process: port {port} belongs to {holder}, so look where the port comes from",
        ),
    )


def _free(port: int) -> str:
    """Look first: `lsof -ti` alone names the clients of the port, too."""
    return f"see who listens on the port: lsof -nP -iTCP:{port} -sTCP:LISTEN; then kill that pid"


def mysql(scene: Scene) -> Finding | None:
    """MySQL that is not there, or does not let the service in."""
    for error in scene.relevant:
        speaks_mysql = "mysql" in error.type.lower() or "mysql" in error.text.lower()
        speaks_mysql |= scene.component.mysql and _NOT_LET_IN.search(error.text) is not None
        refused = scene.ports.get(scene.port_in(error.text) or 0) == "mysql" and REFUSED.search(error.text)
        if not ((speaks_mysql and _MYSQL.search(error.text)) or refused or _is_interface_error(error)):
            continue
        denied = re.search(r"Access denied|1045|Unknown database|1049|ER_ACCESS|ER_BAD_DB", error.text)
        host, port = scene.truth.mysql_address()
        port = (scene.port_in(error.text) or port) if refused else port
        why = "does not let the service in" if denied else "cannot be reached"
        state = scene.health("mysql") if "mysql" in scene.parts else "snapshot: says nothing of MySQL"
        return Finding(
            Category.MYSQL_CONNECTION,
            "not_fixable",
            0.75 if scene.is_up("mysql") and not denied else 0.95,
            f"MySQL at {host}:{port} {why}.",
            reason="infrastructure",
            action="check MySQL's user, password and database" if denied else f"start MySQL on {host}:{port}",
            evidence=(f"log: {error.text}", state),
            explains=("mysql",),
        )
    return None


def _is_interface_error(error: CrashError) -> bool:
    return error.name in ("InterfaceError", "OperationalError") and "mysql" in error.type.lower()


def service(scene: Scene) -> Finding | None:
    """Another MarketSwarm service that does not answer."""
    for error in scene.relevant:
        port = scene.port_in(f"{error.text} {_url_in(scene)}")
        name = scene.ports.get(port or 0)
        failed = REFUSED.search(f"{error.text} {error.code or ''}") or error.name in _TIMEOUTS
        if not failed or name is None or name == scene.service or name == "mysql" or name.endswith("redis"):
            continue
        down = scene.is_down(name)
        return Finding(
            Category.UPSTREAM,
            "not_fixable",
            0.95 if down else 0.8,
            f"{name} (port {port}) does not answer {scene.service}"
            f"{'; it is down' if down else ', though the snapshot does not call it dead'}.",
            reason="upstream",
            action=f"start {name}, then {scene.service}",
            evidence=(f"log: {error.text}", scene.health(name)),
            explains=(name,) if down else (),
        )
    return None


def _url_in(scene: Scene) -> str:
    """The address in the code line that failed, where the message has none."""
    frame = scene.own_frame
    return frame.code or "" if frame else ""


def _first(scene: Scene, pattern: re.Pattern[str]) -> str | None:
    return next((e.text for e in scene.relevant if pattern.search(f"{e.text} {e.code or ''}")), None)
