"""Publishes Truth as the operator does, with a cluster's own addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redis import Redis

from evals.testbed.server import ClusterError
from evals.testbed.start_up import run_script

KEY = "truth"


def publish(repo: Path, env: Mapping[str, str], system: Redis) -> None:
    """Build Truth from a checkout with its script and publish it.

    Redis URLs, ports and heartbeats are taken over by the script. MySQL's address is one file's matter
    for every node that is set up otherwise, and written into what it published.

    Raises:
        ClusterError: the script failed.
    """
    script = repo / "scripts" / "ms-build-truth.sh"
    done = run_script(script, "", env)
    if done.returncode != 0:
        raise ClusterError(f"{script.name} failed: {done.stderr.decode(errors='replace')[-1000:]}")
    document: dict[str, Any] = json.loads(str(system.get(KEY)))
    host, port = env["MYSQL_HOST"], env["MYSQL_PORT"]
    document.get("shared_resources", {}).get("mysql", {}).update(host=host, port=int(port))
    for component in document.get("components", {}).values():
        settings = component.get("env", {})
        settings |= {key: env[key] for key in ("MYSQL_HOST", "MYSQL_PORT") if key in settings}
    system.set(KEY, json.dumps(document, indent=1))
