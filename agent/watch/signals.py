"""What the watch says happened: one kind of record, published, logged and handed to the caller alike.

As JSON on `autohealer:events` (system-redis), one object a message:

    event     service_down | heartbeat_lost | service_recovered | service_degraded | service_stopped
              | crash_loop | redis_down | redis_recovered | heal_started | heal_ended | heal_refused
              | heal_waits (it will start when the reason is over)
              | victim (a death that belongs to another's incident)
              | healed (its branch was merged and it beats) | declined (its branch was taken away)
              | trouble (the watch's own)
    ts        Unix seconds
    service   the service, or null
    redis     the bus, or null
    reason    a sentence
    incident  the id of the incident, or null
    data      more, by event; {} where there is nothing to add:
                service_down, service_stopped   pid, beaten, process; recurs (id of the healed incident)
                service_recovered               downtime_sec
                service_degraded                age_sec, status, or http
                crash_loop                      restarts
                redis_down                      refused
                redis_recovered                 downtime_sec
                heal_started                    attempt
                heal_ended                      exit_code, outcome, seconds, cost_usd
                victim                          cause (redis, upstream, fault or machine)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal[
    "service_down",
    "heartbeat_lost",
    "service_recovered",
    "service_degraded",
    "service_stopped",
    "crash_loop",
    "redis_down",
    "redis_recovered",
    "heal_started",
    "heal_ended",
    "heal_refused",
    "heal_waits",
    "victim",
    "healed",
    "declined",
    "trouble",
]


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that happened. See the module for the meaning of the fields."""

    event: Kind
    ts: float
    reason: str
    service: str | None = None
    redis: str | None = None
    incident: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> str:
        """The record on one line."""
        return json.dumps(asdict(self), ensure_ascii=False)
