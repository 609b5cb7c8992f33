"""One heartbeat payload, as services really write it: with or without pid and ts, or broken."""

from __future__ import annotations

import json
from typing import Any

from tools.health.state import Beat, ProcessState, Status
from tools.truth import Component

FUTURE_S = 2.0
"""A heartbeat from further ahead comes from a clock that is wrong."""
LATE_INTERVALS = 2.5
"""A heartbeat older than this many intervals is late, though its key still lives."""


def read_beat(raw: bytes | None, pttl: int, component: Component, now: float) -> Beat:
    """Read one heartbeat key.

    Args:
        raw: its value; None where there is none or it is not a string.
        pttl: its remaining life in milliseconds, -1 without expiry, -2 without a key.
        now: Unix seconds.
    """
    if pttl == -2:
        return Beat(present=False)
    payload = _payload(raw)
    ts = as_seconds(payload.get("ts"))
    ttl = pttl / 1000 if pttl >= 0 else None
    age = _age(ts, ttl, component.ttl_s, now)
    forgotten = pttl == -1 and age is not None and age > component.ttl_s
    return Beat(
        present=not forgotten,
        ts=ts,
        age=age,
        ttl=ttl,
        pid=as_pid(payload.get("pid")),
        status=payload["status"] if isinstance(payload.get("status"), str) else None,
    )


def judge(beat: Beat, process: ProcessState, component: Component) -> Status:
    """What heartbeat and process say together."""
    if beat.present is None:
        return "unknown"
    if not beat.present:
        return "running_no_heartbeat" if process.alive else "dead"
    late = beat.age is not None and beat.age > LATE_INTERVALS * component.interval_s
    if late or process.alive is False or beat.status in ("degraded", "error", "failing"):
        return "degraded"
    return "healthy"


def as_seconds(value: Any) -> float | None:
    """A timestamp in Unix seconds, whatever it was written in: s, ms, us or ns."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e20:
        return None
    while value > 1e11:
        value /= 1000
    return float(value)


def as_pid(value: Any) -> int | None:
    """A PID that can be one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 1 < value < 2**31 else None


def _age(ts: float | None, ttl: float | None, expected_ttl: float, now: float) -> float | None:
    """Seconds since the beat: by the key's remaining life, which no clock can falsify, else by `ts`."""
    if ttl is not None and ttl <= expected_ttl:
        return expected_ttl - ttl
    if ts is None or ts > now + FUTURE_S:
        return None
    return max(0.0, now - ts)


def _payload(raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        return {}
    try:
        value = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"ts": value}
    return value if isinstance(value, dict) else {}
