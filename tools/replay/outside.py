"""Crashes that come from outside the service's code: a replay has nothing to say about them."""

from __future__ import annotations

import re
from collections.abc import Collection

from tools.incident import Heartbeat, IncidentFolder
from tools.logs import Crash, CrashError
from tools.truth import Truth, Use

_REFUSED = re.compile(
    r"connection refused|connect call failed|could not connect|can't connect|cannot connect"
    r"|connection (?:reset|closed|lost|timed out)|server closed the connection|network is unreachable"
    r"|no route to host|name resolution|name or service not known|nodename nor servname|getaddrinfo"
    r"|econnrefused|enotfound|timed? ?out|received 1008|connection to .{0,80} failed",
    re.IGNORECASE,
)
_REFUSED_TYPES = re.compile(
    r"Connection(Refused|Reset|Aborted)Error|BrokenPipeError|gaierror|herror|URLError|ConnectionClosed\w*"
    r"|Client(Connector|Connection|OS)\w*Error|ServerDisconnectedError|Connect(ion)?(Error|Timeout)\w*|ReadTimeout"
    r"|MaxRetryError|NewConnectionError|NameResolutionError|InvalidStatus(Code)?|BusyLoadingError|TimeoutError"
)
_REFUSED_CODES = frozenset({
    "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN",
    "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "UND_ERR_CONNECT_TIMEOUT", "UND_ERR_SOCKET",
    "PROTOCOL_CONNECTION_LOST", "ER_ACCESS_DENIED_ERROR", "ER_DBACCESS_DENIED_ERROR", "ER_BAD_DB_ERROR",
    "ER_CON_COUNT_ERROR", "ER_NO_SUCH_TABLE",
})  # fmt: skip
_SQL_OF_ITS_OWN = re.compile(r"\(?1064\b|Not (?:enough|all) parameters ")
"""Statements that no server takes, whatever its tables hold: those are the code's."""
_MAYBE_REFUSED_TYPES = frozenset({"OSError", "APIConnectionError", ""})
_PORT_TAKEN = re.compile(r"address already in use|eaddrinuse|errno (?:98|48)\b", re.IGNORECASE)
_MYSQL = re.compile(
    r"can't connect to mysql|\b(?:2003|2002|2013|1045|1049)\b.{0,80}mysql|mysql server", re.IGNORECASE
)
_TRUTH = re.compile(
    r"truth key .{0,40}not found|truth .{0,20}(?:missing|not found|unavailable)", re.IGNORECASE
)
_COMPONENT = re.compile(
    r"component ['\"]?(?P<name>[\w-]+)['\"]? (?:is )?(?:missing|not found)", re.IGNORECASE
)
_MISSING_DATA = re.compile(
    r"nonetype|expecting value: line 1 column 1 \(char 0\)|\bno data\b|\b(?:not |un)available\b|\bstale\b",
    re.IGNORECASE,
)


def outside_cause(crash: Crash, service: str) -> str | None:
    """Why a crash is not the code's of `service`, or None where it may well be."""
    final = crash.final
    causes = (error for error in crash.errors if error.relation == "cause" or error is final)
    return next((why for error in causes if (why := _infrastructure(error, service))), None)


def upstream_cause(
    crash: Crash, service: str, folder: IncidentFolder, truth: Truth, missing: Collection[str]
) -> str | None:
    """Whose death, as the snapshot saw it, explains a crash for want of data; None where nothing does.

    `missing` are keys, as `bus:key`, that the service read last and that were not there.
    """
    final = crash.final
    if final is None or not _MISSING_DATA.search(final.message):
        return None
    heartbeats = folder.snapshot().heartbeats
    down = [name for name in truth.dependencies(service) if _is_dead(heartbeats.get(name))]
    lacking = [name for name in down if any(_writes(truth, name, key) for key in missing)]
    return f"data is missing whose writer is down: {', '.join(lacking)}" if lacking else None


def network_cause(crash: Crash) -> str | None:
    """Why a crash inside the box is the box's doing: nothing but the buses can be reached in it."""
    final = crash.final
    if final is None:
        return None
    causes = [error for error in crash.errors if error.relation == "cause" and error.code in _REFUSED_CODES]
    if _is_refused(final) or causes:
        return f"a connection that the box does not allow: {final.text.splitlines()[0][:200]}"
    return None


def _infrastructure(final: CrashError, service: str) -> str | None:
    if _PORT_TAKEN.search(final.message) or final.code == "EADDRINUSE":
        return "its port was taken; in the box every port is free"
    if _TRUTH.search(final.message):
        return "Truth was not published; in the box it is"
    component = _COMPONENT.search(final.message)
    if component is not None and component["name"] == service:
        return "its component was missing in Truth, which is not a matter of its code"
    if _MYSQL.search(final.message) and not _SQL_OF_ITS_OWN.match(final.message):
        return "MySQL could not be reached, or refused, which is not a matter of its code"
    if _is_refused(final):
        return "a connection failed; in the box the buses are up and nothing else can be reached"
    return None


def _is_refused(final: CrashError) -> bool:
    if final.type.startswith(("mysql.", "pymysql.")):
        return _SQL_OF_ITS_OWN.match(final.message) is None
    if _REFUSED_TYPES.fullmatch(final.name) or final.code in _REFUSED_CODES:
        return True
    return final.name in _MAYBE_REFUSED_TYPES and _REFUSED.search(final.message) is not None


def _is_dead(heartbeat: Heartbeat | None) -> bool:
    if heartbeat is None:
        return False
    # A key may outlive its process by its TTL.
    return heartbeat.status == "dead" or heartbeat.pid_alive is False or heartbeat.alive is False


def _writes(truth: Truth, upstream: str, missing: str) -> bool:
    bus, _, key = missing.partition(":")
    return upstream in truth.writers(Use(bus, "key", key)) or key.startswith(f"{upstream}:")
