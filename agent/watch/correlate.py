"""What a death has to do with other deaths and with the buses: pure rules, before any incident is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.watch.picture import Ending

BEFORE_S = 5.0
"""A service may notice that its Redis is gone before two of our looks agree on it."""
AFTER_S = 15.0
"""What an outage breaks may take a moment to die of it, with an error that says so."""
UPSTREAM_S = 120.0
"""A service that dies longer after its upstream has a reason of its own."""
TOGETHER_S = 3.0
TOGETHER = 3
"""So many unrelated deaths without a word, within so many seconds, are one event of the machine."""

_CONNECTION = re.compile(
    r"redis|connect|timeout|timed out|refused|reset by peer|broken pipe|socket", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Fate:
    """One death: when (Unix seconds), how, and what the service depended on."""

    service: str
    at: float
    ending: Ending
    buses: tuple[str, ...] = ()
    upstreams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without one Redis, in Unix seconds; `ended` is None while it lasts."""

    bus: str
    began: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What several deaths have in common; `name` is the bus, the upstream or the fault."""

    kind: Literal["redis", "upstream", "fault", "machine"]
    name: str

    @property
    def words(self) -> str:
        """The cause in a few words."""
        return {
            "redis": f"{self.name} was down",
            "upstream": f"{self.name}, which it depends on, died first",
            "fault": "it has the same fault as another service that died",
            "machine": "several services ended at the same moment without a word",
        }[self.kind]


def cause_of(fate: Fate, others: Mapping[str, Fate], outages: Sequence[Outage]) -> Cause | None:
    """The common cause of a death, None where it stands alone.

    Args:
        others: the other services that are dead now; `fate.service` itself is ignored.
    """
    for outage in outages:
        if outage.bus in fate.buses and _within(fate, outage) and _may_come_from_redis(fate.ending):
            return Cause("redis", outage.bus)
    for name in fate.upstreams:
        other = others.get(name)
        if other is not None and _fell_with(fate, other):
            return Cause("upstream", name)
    dead = [other for name, other in others.items() if name != fate.service]
    signature = fate.ending.signature
    if signature is not None and any(other.ending.signature == signature for other in dead):
        return Cause("fault", signature)
    silent = [o for o in dead if o.ending.how == "silent" and abs(o.at - fate.at) <= TOGETHER_S]
    if fate.ending.how == "silent" and len(silent) + 1 >= TOGETHER:
        return Cause("machine", "")
    return None


def _within(fate: Fate, outage: Outage) -> bool:
    if outage.ended is None:
        return outage.began - BEFORE_S <= fate.at
    late = AFTER_S if fate.ending.how == "crash" else 0.0
    return outage.began - BEFORE_S <= fate.at <= outage.ended + late


def _may_come_from_redis(ending: Ending) -> bool:
    """A crash with an error of another kind has a reason of its own, outage or not."""
    return ending.how != "crash" or ending.error is None or _CONNECTION.search(ending.error) is not None


def _fell_with(fate: Fate, upstream: Fate) -> bool:
    """The upstream died first, not long before; at the same moment counts too."""
    return -1.0 <= fate.at - upstream.at <= UPSTREAM_S and fate.service not in upstream.upstreams
