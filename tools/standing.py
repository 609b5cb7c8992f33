"""How a service stood when it was captured: which dependency was down, since when, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from tools.incident import Heartbeat, HttpHealth, MysqlHealth, RedisHealth, Snapshot
from tools.truth import Truth

State = Literal["well", "not well", "unknown"]

FRESH_S = 120.0
"""A server that runs for less than this was restarted about when the service died."""
FULL = 0.98
LOW_DISK_MB = 500.0


class Part(NamedTuple):
    """One part of the platform: a bus, a service, MySQL, the disk. `stops` says that it cannot be used."""

    name: str
    state: State
    text: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a snapshot means to one service. The texts are whole entries."""

    service: str
    at: str
    itself: str
    down: tuple[str, ...]
    unknown: tuple[str, ...]
    elsewhere: tuple[str, ...]
    well: tuple[str, ...]
    meaning: str


def standing_of(service: str, snapshot: Snapshot, truth: Truth) -> Standing:
    """Judge a snapshot from the point of view of one service."""
    needed = needs(service, truth)
    parts = [part for part in parts_of(snapshot, needed) if part.name != service]
    own = [part for part in parts if part.name in needed]
    others = [part for part in parts if part.name not in needed and part.state != "well"]
    own.sort(key=lambda part: not part.stops)
    return Standing(
        service=service,
        at=_moment(snapshot.ts) or snapshot.ts_iso or "at an unknown time",
        itself=_service(snapshot.heartbeats.get(service), snapshot.ts),
        down=_texts(own, "not well"),
        unknown=_texts(own, "unknown"),
        elsewhere=tuple(f"{part.name}: {part.text}" for part in others),
        well=tuple(part.name for part in own if part.state == "well"),
        meaning=_meaning(service, own, snapshot),
    )


def needs(service: str, truth: Truth) -> tuple[str, ...]:
    """Names of what a service depends on: buses, MySQL, services."""
    component = truth.component(service)
    return (*component.buses, *(("mysql",) if component.mysql else ()), *truth.dependencies(service))


def parts_of(snapshot: Snapshot, needed: Iterable[str]) -> Iterator[Part]:
    """Every part that the snapshot or `needed` names."""
    seen = set()
    # Where every server is young, the whole platform was just started: that says nothing.
    uptimes = [bus.uptime_seconds for bus in snapshot.redis.values() if bus.uptime_seconds is not None]
    settled = any(uptime >= FRESH_S for uptime in uptimes)
    for name, bus in snapshot.redis.items():
        seen.add(name)
        yield _redis(name, bus, settled)
    for name, beat in snapshot.heartbeats.items():
        seen.add(name)
        yield _with_http(_part_of_service(name, beat, snapshot.ts), snapshot.http_health.get(name))
    if snapshot.mysql is not None:
        seen.add("mysql")
        yield _mysql(snapshot.mysql)
    if snapshot.disk_free_mb is not None and snapshot.disk_free_mb < LOW_DISK_MB:
        yield Part("disk", "not well", f"only {snapshot.disk_free_mb:.0f} MB are free")
    for name in needed:
        if name not in seen:
            yield Part(name, "unknown", "the snapshot does not have it")


def _texts(parts: list[Part], state: State) -> tuple[str, ...]:
    return tuple(f"{part.name}: {part.text}" for part in parts if part.state == state)


def _redis(name: str, bus: RedisHealth, settled: bool) -> Part:
    why = f": {bus.error}" if bus.error else ""
    if bus.alive is None:
        return Part(name, "unknown", f"did not answer{why}")
    if not bus.alive:
        return Part(name, "not well", f"down{why}", stops=True)
    notes = [bus.error] if bus.error else []
    if settled and bus.uptime_seconds is not None and bus.uptime_seconds < FRESH_S:
        notes.append(f"up, but started {bus.uptime_seconds:.0f} s before the snapshot")
    if bus.maxmemory and bus.used_memory_mb and bus.used_memory_mb * 2**20 >= FULL * bus.maxmemory:
        notes.append(f"out of memory: {bus.used_memory_mb:.0f} MB of {bus.maxmemory / 2**20:.0f} MB used")
    if bus.total_keys == 0:
        notes.append("up, but holds no key at all")
    if bus.role == "slave":
        notes.append("up, but a read-only replica")
    return Part(name, "not well" if notes else "well", "; ".join(notes) or "up")


def _part_of_service(name: str, beat: Heartbeat, ts: float | None) -> Part:
    states: dict[str, State] = {"healthy": "well", "unknown": "unknown"}
    return Part(name, states.get(beat.status, "not well"), _service(beat, ts), stops=beat.status == "dead")


def _service(beat: Heartbeat | None, ts: float | None) -> str:
    if beat is None:
        return "the snapshot does not have it"
    process = {
        True: f"its process {beat.pid or ''} lives",
        False: "its process is gone",
        None: "its process is not known",
    }
    words = {
        "healthy": "healthy",
        "degraded": "degraded: it beats late, or its process is gone while its key lives on",
        "dead": "dead: no heartbeat",
        "running_no_heartbeat": "hangs: no heartbeat",
        "unknown": "unknown: its heartbeat could not be read",
    }[beat.status]
    if beat.status == "healthy":
        return words
    since = f", last beat {_moment(beat.last_ts)}{_before(beat.last_ts, ts)}" if beat.last_ts else ""
    return f"{words}{since or ', since when is not known'}; {' '.join(process[beat.pid_alive].split())}"


def _with_http(part: Part, http: HttpHealth | None) -> Part:
    if http is None or http.healthy is not False:
        return part
    what = http.error or (f"status {http.status_code}" if http.status_code else "no answer")
    return part._replace(state="not well", text=f"{part.text}; its HTTP health endpoint is not well: {what}")


def _mysql(mysql: MysqlHealth) -> Part:
    if mysql.alive is None:
        return Part("mysql", "unknown", f"did not answer: {mysql.error or 'no reason known'}")
    if not mysql.alive:
        return Part("mysql", "not well", f"down: {mysql.error or 'no reason known'}", stops=True)
    return Part("mysql", "not well" if mysql.error else "well", mysql.error or "up")


def _meaning(service: str, own: list[Part], snapshot: Snapshot) -> str:
    stopped = [part.name for part in own if part.stops]
    unknown = [part.name for part in own if part.state == "unknown"]
    late = [part.name for part in own if part.state == "not well" and not part.stops]
    if not snapshot.redis and not snapshot.heartbeats:
        return "no health was captured, so nothing about dependencies is known; go by the log."
    if stopped:
        was = "was" if len(stopped) == 1 else "were"
        first = _first_to_die(service, stopped, snapshot)
        excuse = f"If the crash comes from what is missing there, {service}'s code is not to blame."
        return f"{_list(stopped)} {was} down{first}. {excuse}"
    if late:
        touched = f"{_list(late)} was not well: see whether the crash touches it."
        return f"nothing that {service} needs was down, but {touched}"
    if unknown:
        return f"whether {_list(unknown)} was up is not known; the rest of what {service} needs was up."
    elsewhere = "the cause lies elsewhere, most likely in its own code or data."
    return f"everything that {service} depends on was up: {elsewhere}"


def _first_to_die(service: str, stopped: list[str], snapshot: Snapshot) -> str:
    own = snapshot.heartbeats.get(service)
    if own is None or own.last_ts is None:
        return ""
    earlier = [
        name
        for name in stopped
        if (beat := snapshot.heartbeats.get(name)) and beat.last_ts and beat.last_ts < own.last_ts - 1
    ]
    return f" ({_list(earlier)} before {service} was)" if earlier else ""


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _moment(ts: float | None) -> str | None:
    if ts is None:
        return None
    try:
        return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return None


def _before(earlier: float | None, ts: float | None) -> str:
    if earlier is None or ts is None or ts < earlier:
        return ""
    return f" ({ts - earlier:.0f} s before the snapshot)"
