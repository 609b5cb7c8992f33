"""What a service is started with, and when it counts as started."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redis import Redis

from evals.testbed.buses import BUSES
from evals.testbed.child import Child
from evals.testbed.drivers import node_modules
from sandbox.node import find_node

FIRST_MODELS = {"massive": ("massive:spot", "massive:gex:model", "massive:chain:latest")}
"""Keys of market-redis that a service must have written before it counts as started."""


def environment(
    home: Path,
    python: Path,
    urls: Mapping[str, str],
    ports: Mapping[str, int],
    mysql_port: int,
    heartbeat: tuple[float, int] | None,
) -> dict[str, str]:
    """The variables by which scripts and services learn where they are; PATH is the only one of ours."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MS_PYTHON": str(python),
    }
    env |= {BUSES[name]: url for name, url in urls.items()}
    env |= {f"{service.upper()}_PORT": str(port) for service, port in ports.items()}
    env |= {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(mysql_port)}
    if (modules := node_modules()) is not None:
        env["NODE_PATH"] = str(modules)
    if shutil.which("node") is None and (node := find_node()) is not None:
        env["MS_NODE"] = str(node)
    if heartbeat is not None:
        env |= {"HEARTBEAT_INTERVAL_SEC": str(heartbeat[0]), "HEARTBEAT_TTL_SEC": str(heartbeat[1])}
    return env


def is_ready(service: str, child: Child, system: Redis, market: Redis, port: int | None) -> bool:
    """Whether this very process beats, has written its first models and listens on its port, if it has one.

    Raises:
        redis.exceptions.RedisError: a bus does not answer.
    """
    raw = system.get(f"{service}:heartbeat")
    beat: dict[str, Any] = json.loads(raw) if isinstance(raw, str) else {}
    if not _is_of(beat, child) or not all(market.exists(key) for key in FIRST_MODELS.get(service, ())):
        return False
    return port is None or _listens(port)


def run_script(script: Path, action: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run a script of the checkout to its end, as the operator does; `action` may be empty."""
    argv = ["bash", str(script), *([action] if action else [])]
    return subprocess.run(argv, cwd=script.parents[1], env=dict(env), capture_output=True, timeout=30)


def forget_last_run(repo: Path) -> None:
    """Make the checkout that of a host that was just booted: no service runs, so no PID file is true."""
    shutil.rmtree(repo / ".pids", ignore_errors=True)
    (repo / ".pids").mkdir(parents=True)
    (repo / "logs").mkdir(parents=True, exist_ok=True)


def _is_of(beat: Mapping[str, Any], child: Child) -> bool:
    if "pid" in beat:
        return bool(beat["pid"] == child.pid)
    # Node.js writes no pid, and milliseconds.
    return float(beat.get("ts", 0)) / 1000 > child.started


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
