"""The roster: one entry per service, made out of heartbeats."""

import json
import time
from dataclasses import dataclass

JOINED, LEFT, RESTARTED = "joined", "left", "restarted"


@dataclass
class Member:
    """One service. `since` is when mesh first saw this process."""

    service: str
    pid: int | None
    last_ts: float | None
    ttl_sec: float
    since: float
    restarts: int = 0
    up: bool = True

    def as_dict(self, now):
        age = None if self.last_ts is None else round(max(0.0, now - self.last_ts), 1)
        return {
            "service": self.service,
            "up": self.up,
            "pid": self.pid,
            "age_sec": age,
            "ttl_sec": self.ttl_sec,
            "uptime_sec": round(now - self.since) if self.up else 0,
            "restarts": self.restarts,
        }


def parse_beat(raw):
    """(ts in seconds or None, pid or None) of a heartbeat payload, whatever wrote it.

    Some services write no pid, Node.js writes its time in milliseconds.
    """
    try:
        payload = json.loads(raw)
    except (TypeError, ValueError):
        return None, None
    if not isinstance(payload, dict):
        return None, None
    ts = payload.get("ts")
    if isinstance(ts, (int, float)) and ts > 1e11:
        ts = ts / 1000
    pid = payload.get("pid")
    return (ts if isinstance(ts, (int, float)) else None), (pid if isinstance(pid, int) else None)


class Roster:
    """Members by name, and what changed between two scans."""

    def __init__(self):
        self.members = {}

    def update(self, beats, now=None):
        """Take in {service: (raw payload, ttl)}; the changes as [(kind, service)]."""
        now = time.time() if now is None else now
        changes = []
        for service, (raw, ttl) in sorted(beats.items()):
            kind = self._see(service, raw, ttl, now)
            if kind is not None:
                changes.append((kind, service))
        for service, member in sorted(self.members.items()):
            if member.up and service not in beats:
                member.up = False
                changes.append((LEFT, service))
        return changes

    def _see(self, service, raw, ttl, now):
        ts, pid = parse_beat(raw)
        member = self.members.get(service)
        if member is None:
            self.members[service] = Member(service, pid, ts, ttl, since=now)
            return JOINED
        came_back, new_pid = not member.up, pid is not None and pid != member.pid
        member.last_ts, member.ttl_sec, member.up = ts, ttl, True
        if came_back or new_pid:
            member.pid, member.since = pid, now
            member.restarts += 1
            return RESTARTED if new_pid and not came_back else JOINED
        return None

    def snapshot(self, expected, now=None):
        """`mesh:roster`: members, and those that Truth expects and nobody has seen."""
        now = time.time() if now is None else now
        members = {name: member.as_dict(now) for name, member in sorted(self.members.items())}
        return {
            "ts": now,
            "members": members,
            "up": sum(member["up"] for member in members.values()),
            "missing": sorted(set(expected) - set(members)),
        }
