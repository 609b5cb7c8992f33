"""What is at hand in the first second after a death, taken before anything rotates or expires.

Taking is quick and keeps raw bytes in memory; redacting and writing come after it, so that ten
deaths at once lose nothing to each other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tools.capture.checkout import Checkout, read_checkout
from tools.capture.site import Site
from tools.capture.values import read_values
from tools.health import Health
from tools.logs import LogError
from tools.logs.tail import open_log

LOG_BYTES = 512 << 10
OTHER_LOG_BYTES = 64 << 10


class Heard(NamedTuple):
    """A message as it was heard on a channel. `ts` is Unix seconds."""

    bus: str
    channel: str
    data: str
    ts: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The raw world of one service at one moment: not redacted, so never written as it is."""

    service: str
    at: datetime
    root: Path
    checkout: Checkout
    log: bytes
    other_logs: Mapping[str, bytes]
    component: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Any]]
    messages: Sequence[Heard]
    health: Health
    pid: int | None = None
    exit_code: int | None = None
    notes: tuple[str, ...] = field(default=())


def take(
    service: str,
    site: Site,
    health: Health,
    messages: Sequence[Heard] = (),
    *,
    pid: int | None = None,
    exit_code: int | None = None,
    notes: tuple[str, ...] = (),
) -> Evidence:
    """Take the evidence of a service's death; what cannot be had is left out.

    Raises:
        GitError: the checkout is no git repository.
    """
    component = site.truth.component(service)
    state = health.services.get(service)
    logs = site.root / "logs"
    return Evidence(
        service=service,
        at=datetime.now(UTC),
        root=site.root,
        log=_own_log(logs, service),
        other_logs=_other_logs(logs, site.truth.dependencies(service)),
        checkout=read_checkout(site.root),
        component=component.raw,
        values=read_values(component.reads, site.buses),
        messages=messages,
        health=health,
        pid=pid if pid is not None else (state.process.pid if state else None),
        exit_code=exit_code,
        notes=notes,
    )


def _own_log(logs: Path, service: str) -> bytes:
    """The end of its log; of the rotated one where the log was just begun anew."""
    return end_of_log(logs / f"{service}.log", LOG_BYTES) or end_of_log(logs / f"{service}.log.1", LOG_BYTES)


def end_of_log(path: Path, size: int) -> bytes:
    """The last bytes of a log, from the start of a line; nothing where there is no log."""
    try:
        descriptor = open_log(path)
    except LogError:
        return b""
    try:
        length = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, size, max(0, length - size))
    finally:
        os.close(descriptor)
    return tail if length <= size else tail.partition(b"\n")[2] or tail


def _other_logs(logs: Path, services: tuple[str, ...]) -> dict[str, bytes]:
    tails = {name: end_of_log(logs / f"{name}.log", OTHER_LOG_BYTES) for name in services}
    return {name: tail for name, tail in tails.items() if tail}
