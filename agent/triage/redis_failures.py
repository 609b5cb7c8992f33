"""Redis that failed: a server that is down or refuses to work, a wrong address of one."""

from __future__ import annotations

import re

from agent.diagnosis import Category, Culprit
from agent.triage.network import REFUSED
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError
from tools.repository.tree import RepositoryError

_STATE = re.compile(
    r"NOAUTH|WRONGPASS|invalid (?:username-)?password|AuthenticationError|Authentication required"
    r"|OOM command not allowed|MISCONF|READONLY You can't|LOADING Redis|MASTERDOWN"
    r"|max number of clients|BusyLoading",
    re.IGNORECASE,
)


def redis(scene: Scene) -> Finding | None:
    """A Redis server that is down, or a wrong address of one."""
    for error in scene.relevant:
        state = _STATE.search(error.text)
        if state is not None and (not error.frames or _is_redis(error)):
            return _server_refuses(error, state.group())
        if _is_redis_failure(scene, error):
            return _unreachable(scene, error)
    return None


def _is_redis_failure(scene: Scene, error: CrashError) -> bool:
    if _is_redis(error) and (error.name in ("ConnectionError", "TimeoutError") or REFUSED.search(error.text)):
        return True
    if not REFUSED.search(f"{error.text} {error.code or ''}"):
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
