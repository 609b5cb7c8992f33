"""Record a crash as an incident folder: break the testbed for real, capture, keep the world.

    python -m evals.record vigil-relative-move

The folder of the testbed and of its interpreter are written as those of the production host, so that no
path of the recording machine is kept; nothing else of a log is changed. Times and ids stay as they were.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from evals.testbed.cluster import Cluster
from evals.testbed.faults import FAULTS, Fault
from evals.testbed.repository import make_repository
from tools.capture import capture_now

INCIDENTS = Path(__file__).parent / "incidents"
PRODUCTION = "/Users/ernie/MarketSwarm"
SERVICES = ("massive", "vigil", "copilot", "mesh")


@click.command()
@click.argument("faults", nargs=-1, required=True, metavar="FAULT...")
@click.option("--into", type=click.Path(path_type=Path), default=INCIDENTS, help="Folder of the incidents.")
def main(faults: tuple[str, ...], into: Path) -> None:
    """Record each FAULT as an incident folder of that name."""
    for name in faults:
        if name not in FAULTS:
            raise click.UsageError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
        with tempfile.TemporaryDirectory(prefix="autohealer-record-") as folder:
            click.echo(str(record(FAULTS[name], Path(folder), into / name)))


def record(fault: Fault, work: Path, into: Path) -> Path:
    """Break, capture, keep; returns the folder of the incident. `work` is a scratch folder."""
    repo = make_repository(work / "MarketSwarm").path
    with Cluster(work / "run", repo, env=fault.env) as cluster:
        cluster.start(*SERVICES)
        fault.apply(repo)
        fault.strike(cluster)
        if fault.effect == "exit":
            cluster.wait_exit(fault.service)
            _wait_until_silent(cluster, fault.service)
        state = work / "state"
        (state / "incidents").mkdir(parents=True)
        captured = capture_now(fault.service, repo, state, cluster.urls["system-redis"]).path
    _as_of_production(captured, repo)
    _name(captured, into.name)
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(captured, into, ignore=shutil.ignore_patterns("runs"))
    return into


def _wait_until_silent(cluster: Cluster, service: str) -> None:
    """A capture belongs after the heartbeat has expired, as the watch would take it."""
    redis = cluster.redis("system-redis")
    while redis.exists(f"{service}:heartbeat"):
        time.sleep(0.1)


def _as_of_production(folder: Path, repo: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            text = text.replace(str(repo), PRODUCTION)
            text = text.replace(sys.executable, f"{PRODUCTION}/.venv/bin/python")
            text = text.replace(str(Path(sys.prefix)), f"{PRODUCTION}/.venv")
            file.write_text(text.replace(sys.base_prefix, "/usr/local"), encoding="utf-8")


def _name(folder: Path, name: str) -> None:
    """The case's own id, and no repository: who runs it says which."""
    file = folder / "incident.json"
    incident = json.loads(file.read_text(encoding="utf-8"))
    incident |= {"id": name, "repo": None, "trigger": "recorded"}
    file.write_text(json.dumps(incident, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
