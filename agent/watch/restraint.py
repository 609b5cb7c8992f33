"""Whether an incident may be healed now: pure rules over what was done before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from tools.capture.folder import make_private, write_private


@dataclass(frozen=True, slots=True)
class Memory:
    """What must outlive a restart of the watch. Times are Unix seconds.

    `healed` is when each service's last heal began; `settled` the death (PID and when its PID
    file was written) of each service that was dealt with last.
    """

    healed: Mapping[str, float] = field(default_factory=dict)
    settled: Mapping[str, tuple[int | None, float | None]] = field(default_factory=dict)

    def with_heal(self, service: str, now: float) -> Memory:
        """The same after a heal began."""
        return replace(self, healed={**self.healed, service: now})

    def with_settled(self, service: str, pid: int | None, recorded_at: float | None) -> Memory:
        """The same after a death was dealt with."""
        return replace(self, settled={**self.settled, service: (pid, recorded_at)})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`start` it, let it `wait` for another heal to end, or `refuse` it for a reason."""

    do: Literal["start", "wait", "refuse"]
    reason: str = ""


def judge(
    service: str,
    memory: Memory,
    now: float,
    cooldown_s: float,
    enabled: bool,
    healing: frozenset[str],
    full: bool,
) -> Verdict:
    """May this service be healed now?

    Args:
        enabled: the operators' switch.
        healing: services that are being healed; `full` says that no more may be.
    """
    if not enabled:
        return Verdict("refuse", "healing is switched off (autohealer:enabled)")
    left = cooldown_s - (now - memory.healed.get(service, float("-inf")))
    if left > 0:
        return Verdict(
            "refuse", f"{service} was healed {cooldown_s - left:.0f} s ago; {left:.0f} s of cooldown left"
        )
    if service in healing:
        return Verdict("wait", f"another heal of {service} runs")
    return Verdict("wait", "as many heals run as may") if full else Verdict("start")


def load_memory(file: Path) -> Memory:
    """Read the memory of an earlier watch; nothing where there is none or it is broken."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        healed = {str(k): float(v) for k, v in raw["healed"].items()}
        return Memory(healed, {str(k): (v[0], v[1]) for k, v in raw["settled"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return Memory()


def save_memory(file: Path, memory: Memory) -> None:
    """Write the memory so that a reader sees the old one or the new one. Raises OSError."""
    make_private(file.parent)
    partial = file.with_suffix(".partial")
    write_private(partial, json.dumps(asdict(memory)))
    partial.rename(file)
