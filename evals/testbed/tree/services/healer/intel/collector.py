"""Collects what heartbeats say about the services that Truth names."""

import json
import time
from dataclasses import dataclass

HEARTBEAT_KEY = "{service}:heartbeat"


@dataclass(frozen=True)
class Beat:
    """One service at one moment. `age_sec` is None where there is no usable time."""

    service: str
    alive: bool
    age_sec: float | None
    ttl_sec: float | None
    pid: int | None
    expected_ttl: float


def components(truth):
    """{service: expected TTL in seconds}."""
    found = {}
    for name, component in ((truth or {}).get("components") or {}).items():
        beat = component.get("heartbeat") or {}
        found[name] = float(beat.get("ttl_sec", 15))
    return found


def read_payload(raw):
    """(ts in seconds or None, pid or None); Node.js counts in milliseconds."""
    try:
        payload = json.loads(raw)
        ts, pid = payload.get("ts"), payload.get("pid")
    except (TypeError, ValueError, AttributeError):
        return None, None
    if isinstance(ts, (int, float)) and ts > 1e11:
        ts /= 1000
    return ts if isinstance(ts, (int, float)) else None, pid if isinstance(pid, int) else None


async def collect(system, expected):
    """A Beat for every expected service, in one round trip."""
    names = sorted(expected)
    pipeline = system.pipeline(transaction=False)
    for name in names:
        pipeline.get(HEARTBEAT_KEY.format(service=name))
        pipeline.pttl(HEARTBEAT_KEY.format(service=name))
    answers = await pipeline.execute() if names else []
    now = time.time()
    beats = []
    for position, name in enumerate(names):
        raw, ttl_ms = answers[2 * position], answers[2 * position + 1]
        ts, pid = read_payload(raw) if raw else (None, None)
        age = None if ts is None else max(0.0, now - ts)
        ttl = ttl_ms / 1000 if ttl_ms is not None and ttl_ms >= 0 else None
        beats.append(Beat(name, raw is not None, age, ttl, pid, expected[name]))
    return beats
