"""HTTP health endpoints and the MySQL server, each by one bounded exchange."""

from __future__ import annotations

import http.client
import socket

from tools.health.state import HttpState, MysqlState
from tools.truth import Component

DEFAULT_HEALTH_PATH = "/health"
GREETING_BYTES = 256
PROTOCOL_10 = 10
ERROR_PACKET = 0xFF


def ask_http(component: Component, timeout_s: float, host: str = "127.0.0.1") -> HttpState:
    """GET the health endpoint of a service that has a port. Redirects are not followed, bodies not read."""
    path = component.health_path
    connection = http.client.HTTPConnection(host, component.port, timeout=timeout_s)
    try:
        connection.request("GET", path or DEFAULT_HEALTH_PATH, headers={"Connection": "close"})
        status = connection.getresponse().status
    except TimeoutError:
        return HttpState(reachable=None, error=f"did not answer within {timeout_s:g} s")
    except (OSError, ValueError, http.client.HTTPException) as error:
        spoke = isinstance(error, http.client.HTTPException)
        return HttpState(reachable=spoke, healthy=False, error=_words(error))
    finally:
        connection.close()
    # Without a documented endpoint a 404 says no more than that somebody listens.
    healthy = None if path is None and status == http.client.NOT_FOUND else 200 <= status < 400
    return HttpState(reachable=True, healthy=healthy, status_code=status)


def greet_mysql(address: tuple[str, int], timeout_s: float) -> MysqlState:
    """Read the greeting that a MySQL server sends first; nothing is sent, so no log-in fails there."""
    try:
        with socket.create_connection(address, timeout_s) as connection:
            connection.settimeout(timeout_s)
            greeting = connection.recv(GREETING_BYTES)
    except TimeoutError:
        return MysqlState(alive=None, error=f"did not answer within {timeout_s:g} s")
    except OSError as error:
        return MysqlState(alive=False, error=_words(error))
    return _read_greeting(greeting)


def _read_greeting(greeting: bytes) -> MysqlState:
    """The packet after its 4-byte header: protocol version 10 and the server's, or an error."""
    body = greeting[4:]
    if body[:1] == bytes([ERROR_PACKET]):
        return MysqlState(alive=True, error=body[3:].decode("utf-8", "replace"))
    if body[:1] != bytes([PROTOCOL_10]):
        return MysqlState(alive=False, error="what answers on its port is not MySQL")
    return MysqlState(alive=True, version=body[1:].partition(b"\0")[0].decode("ascii", "replace"))


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]
