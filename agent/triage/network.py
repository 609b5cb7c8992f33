"""Connections that failed: Redis, MySQL, other services, ports that are taken."""

from __future__ import annotations

import re

from agent.diagnosis import Category, Culprit
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError
from tools.repository.tree import RepositoryError

_IN_USE = re.compile(
    r"EADDRINUSE|address already in use|\[Errno (?:98|48)\]|Only one usage of each socket", re.I
)
_REFUSED = re.compile(
    r"ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ETIMEDOUT|Connection refused|Connect call failed"
    r"|Connection reset by peer"
    r"|Connection closed by server|Error -?\d{1,5} (?:connecting to|while writing)|Cannot connect to host"
    r"|All connection attempts failed|Timeout connecting to server|Timeout reading from"
    r"|ConnectionRefusedError"
    r"|Max retries exceeded|Server disconnected|No route to host|Connection lost|Broken pipe",
    re.IGNORECASE,
)
_REDIS_STATE = re.compile(
    r"NOAUTH|WRONGPASS|invalid (?:username-)?password|AuthenticationError|Authentication required"
    r"|OOM command not allowed|MISCONF|READONLY You can't|LOADING Redis|MASTERDOWN"
    r"|max number of clients|BusyLoading",
    re.IGNORECASE,
)
_MYSQL = re.compile(
    r"Can't connect to MySQL|Access denied for user|Unknown database|Lost connection to MySQL"
    r"|MySQL server has gone away"
    r"|MySQL Connection not available|Too many connections|ER_ACCESS_DENIED|ER_BAD_DB|ER_CON_COUNT"
    r"|PROTOCOL_CONNECTION_LOST|\b(?:2002|2003|2005|2006|2013|2055|1040|1044|1045|1049"
    r"|1698)\b[ (:,].{0,40}(?:mysql|HY000|28000|42000|08004|connect)"
    r"|Can't connect to server on|server closed the connection|Authentication plugin",
    re.IGNORECASE,
)
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
        refused = scene.ports.get(scene.port_in(error.text) or 0) == "mysql" and _REFUSED.search(error.text)
        if not ((speaks_mysql and _MYSQL.search(error.text)) or refused or _is_interface_error(error)):
            continue
        denied = re.search(r"Access denied|1045|Unknown database|1049|ER_ACCESS|ER_BAD_DB", error.text)
        host, port = scene.truth.mysql_address()
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


def redis(scene: Scene) -> Finding | None:
    """A Redis server that is down, or a wrong address of one."""
    for error in scene.relevant:
        state = _REDIS_STATE.search(error.text)
        if state is not None and (not error.frames or _is_redis(error)):
            return _server_refuses(error, state.group())
        if _is_redis_failure(scene, error):
            return _unreachable(scene, error)
    return None


def _is_redis_failure(scene: Scene, error: CrashError) -> bool:
    if _is_redis(error) and (
        error.name in ("ConnectionError", "TimeoutError") or _REFUSED.search(error.text)
    ):
        return True
    if not _REFUSED.search(f"{error.text} {error.code or ''}"):
        return False
    port = scene.port_in(error.text)
    holder = scene.ports.get(port or 0, "")
    return holder.endswith("redis") or "redis" in error.text.lower()


def _is_redis(error: CrashError) -> bool:
    """Whether an error comes from a Redis client."""
    paths = [frame.path for frame in error.frames]
    return error.type.startswith("redis.") or any(re.search(r"/(?:io)?redis/", path) for path in paths)


def _server_refuses(error: CrashError, what: str) -> Finding:
    full = re.search("OOM|MISCONF|clients", what, re.I)
    category = Category.RESOURCE if full else Category.REDIS_CONNECTION
    return Finding(
        category,
        "not_fixable",
        0.92,
        f"Redis is there but refuses to work: {error.message or error.text}.",
        reason="resource" if full else "infrastructure",
        action="free memory or disk of that Redis" if full else "check that Redis's state and password",
        evidence=(f"log: {error.text}",),
    )


def _unreachable(scene: Scene, error: CrashError) -> Finding:
    port = scene.port_in(error.text)
    bus = scene.ports.get(port) if port else None
    down = [name for name in scene.component.buses if scene.is_down(name)]
    if bus is None and port is not None and (wrong := _written_in(scene, port)) is not None:
        return _wrong_address(scene, error, port, wrong)
    if bus is None and down:
        bus = down[0]
    if bus is None:
        return Finding(
            Category.REDIS_CONNECTION, "unclear", 0.6,
            f"A Redis connection failed{f' on port {port}, which is none of the buses' if port else ''}.",
            evidence=(f"log: {error.text}", *(scene.health(name) for name in scene.component.buses)),
        )  # fmt: skip
    evidence = (f"log: {error.text}", scene.health(bus))
    if scene.is_up(bus) and not scene.is_down(bus):
        return _was_up(scene, error, bus, port, evidence)
    return Finding(
        Category.REDIS_CONNECTION,
        "not_fixable",
        0.97 if scene.is_down(bus) else 0.9,
        f"{bus}{f' (port {port})' if port else ''} does not answer, and {scene.service} needs it.",
        reason="infrastructure",
        action=_start(bus, port),
        evidence=evidence,
        explains=(bus,),
    )


def _start(bus: str, port: int | None) -> str:
    then = " and publish Truth with scripts/ms-build-truth.sh" if bus == "system-redis" else ""
    return f"start {bus}{f' on port {port}' if port else ''}{then}"


def _was_up(
    scene: Scene, error: CrashError, bus: str, port: int | None, evidence: tuple[str, ...]
) -> Finding:
    """The bus was up: either it came back before the snapshot, or the service does not use its address."""
    note = f"not an outage that lasted: {bus} was up in the snapshot"
    if port is not None and bus not in scene.component.buses:
        wrong = _written_in(scene, port)
        if wrong is not None:
            return _wrong_address(scene, error, port, wrong)
    return Finding(
        Category.REDIS_CONNECTION, "not_fixable", 0.7,
        f"A connection to {bus} failed, but it was up when the snapshot was taken.",
        reason="transient", action=f"see whether {bus} was restarted; then start {scene.service} again",
        evidence=evidence, notes=(note,),
    )  # fmt: skip


def _wrong_address(scene: Scene, error: CrashError, port: int, wrong: Culprit) -> Finding:
    in_truth = not wrong.file.startswith("services/")
    return Finding(
        Category.REDIS_CONNECTION,
        "not_fixable" if in_truth else "fixable",
        0.9,
        f"{scene.service} connects to port {port}, where no bus listens; {wrong.file}:{wrong.line} says so.",
        reason="truth" if in_truth else None,
        action=f"mend {wrong.file}, then run scripts/ms-build-truth.sh" if in_truth else None,
        culprit=wrong,
        evidence=(f"log: {error.text}", f"{wrong.file}:{wrong.line} names port {port}"),
        notes=("not an outage: no Redis is meant to listen on that port",),
    )


def _written_in(scene: Scene, port: int) -> Culprit | None:
    """Where the commit names a port: the service's own code first, then Truth."""
    try:
        found = scene.repository.grep(str(port), paths=[scene.root.rstrip("/"), "truth"])
    except RepositoryError:
        return None
    lines = [match for match in found.found if re.search(rf"(?<!\d){port}(?!\d)", match.text)]
    lines.sort(key=lambda match: (not match.path.startswith(scene.root), "/tests/" in match.path))
    return next((Culprit(file=match.path, line=match.line) for match in lines), None)


def service(scene: Scene) -> Finding | None:
    """Another MarketSwarm service that does not answer."""
    for error in scene.relevant:
        port = scene.port_in(f"{error.text} {_url_in(scene)}")
        name = scene.ports.get(port or 0)
        failed = _REFUSED.search(f"{error.text} {error.code or ''}") or error.name in _TIMEOUTS
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
