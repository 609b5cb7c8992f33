"""MarketSwarm as its documentation describes it: the fall-back where Truth says nothing.

Data only. A service, bus or name that Truth knows is taken from Truth; this table fills the
gaps, and stands in alone where Truth cannot be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["channel", "key", "stream", "list"]
Lang = Literal["python", "node"]

TRUTH_KEY = "truth"
SYSTEM, MARKET, INTEL = "system-redis", "market-redis", "intel-redis"

BUSES = {
    SYSTEM: "redis://127.0.0.1:6379",
    MARKET: "redis://127.0.0.1:6380",
    INTEL: "redis://127.0.0.1:6381",
}
MYSQL_ADDRESS = ("127.0.0.1", 3306)

DEFAULT_INTERVAL_S, DEFAULT_TTL_S = 15.0, 45.0
"""The slower of the two documented rhythms: a guess that never calls a healthy service late."""


@dataclass(frozen=True, slots=True)
class Use:
    """One name on one bus that a component reads or writes. `{symbol}` in a name is a wildcard."""

    bus: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What the documentation says of one service. Interval and TTL in seconds, None when not said."""

    lang: Lang
    entry_point: str
    buses: tuple[str, ...]
    port: int | None = None
    dependencies: tuple[str, ...] = ()
    mysql: bool = False
    api_keys: tuple[str, ...] = ()
    interval_s: float | None = None
    ttl_s: float | None = None


SERVICES: dict[str, ServiceFacts] = {
    "massive": ServiceFacts("python", "services/massive/main.py", (SYSTEM, MARKET), interval_s=5, ttl_s=15),
    "sse": ServiceFacts(
        "node",
        "services/sse/src/index.js",
        (SYSTEM, MARKET, INTEL),
        port=3001,
        dependencies=("massive", "journal", "vexy_ai"),
        mysql=True,
        interval_s=5,
        ttl_s=15,
    ),
    "journal": ServiceFacts(
        "python",
        "services/journal/main.py",
        (SYSTEM, MARKET),
        port=3002,
        mysql=True,
        interval_s=5,
        ttl_s=15,
    ),
    "copilot": ServiceFacts(
        "python",
        "services/copilot/main.py",
        (SYSTEM, MARKET),
        port=8095,
        dependencies=("massive",),
        interval_s=5,
        ttl_s=15,
    ),
    "vexy_ai": ServiceFacts(
        "python",
        "services/vexy_ai/main.py",
        (SYSTEM, MARKET, INTEL),
        port=3005,
        dependencies=("massive", "rss_agg", "vigil"),
        interval_s=15,
        ttl_s=45,
    ),
    "rss_agg": ServiceFacts(
        "python", "services/rss_agg/main.py", (SYSTEM, INTEL), api_keys=("OPENAI_API_KEY",)
    ),
    "content_anal": ServiceFacts(
        "python",
        "services/content_anal/main.py",
        (SYSTEM, INTEL),
        dependencies=("rss_agg",),
        interval_s=15,
        ttl_s=45,
    ),
    "vigil": ServiceFacts("python", "services/vigil/main.py", (SYSTEM, MARKET), dependencies=("massive",)),
    "healer": ServiceFacts("python", "services/healer/main.py", (SYSTEM,)),
    "mesh": ServiceFacts("python", "services/mesh/main.py", (SYSTEM,)),
}

WRITES: dict[str, tuple[Use, ...]] = {
    "massive": (
        Use(MARKET, "channel", "massive:spot"),
        Use(MARKET, "key", "massive:heatmap:model:{symbol}:latest"),
        Use(MARKET, "key", "massive:gex:model"),
        Use(MARKET, "key", "massive:chain:latest"),
    ),
    "copilot": (
        Use(MARKET, "channel", "copilot:alerts:events"),
        Use(MARKET, "channel", "copilot:commentary:message"),
        Use(MARKET, "key", "copilot:mel:snapshot"),
        Use(MARKET, "key", "copilot:adi:snapshot"),
    ),
    "vexy_ai": (Use(MARKET, "channel", "vexy:model:playbyplay"),),
    "vigil": (Use(MARKET, "channel", "vigil:events"),),
    "journal": (Use(SYSTEM, "channel", "alerts:sync"),),
}
"""What each service writes, of what the documentation names."""

READS: dict[str, tuple[Use, ...]] = {
    "copilot": (*WRITES["massive"], *WRITES["journal"]),
    "vigil": (WRITES["massive"][0], Use(MARKET, "key", "massive:spot")),
    "vexy_ai": (*WRITES["massive"], *WRITES["vigil"]),
    "sse": (*WRITES["massive"], *WRITES["copilot"], *WRITES["vexy_ai"], *WRITES["vigil"]),
}
"""What each service reads, of what the documentation says or lets one conclude."""
