"""Record a crash as an incident folder: break the testbed for real, capture, keep the world.

Beside the captured world lies `truth.toml`, what is true about it, which no agent is ever shown. The
recording machine's paths and ports are told as those of the production host (see evals.production).
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.exceptions import RedisError

from agent.diagnosis import Category
from agent.watch.listen import Listener, Ring
from evals.cases import TRUTH_FILE, truth_of
from evals.production import Machine
from evals.testbed.cluster import Cluster, ClusterError
from evals.testbed.faults import Fault
from evals.testbed.faults.fault import CLOSED_MARKET
from evals.testbed.mysql import MySql
from evals.testbed.repository import make_repository
from tools.capture import Site, find_site, take, write_incident
from tools.health import HealthCollector
from tools.redact import Redactor

BITES_WITHIN_S = 8.0
EXPIRES_WITHIN_S = 10.0
MYSQL_ADDRESS = ("MYSQL_HOST", "MYSQL_PORT")
"""By these a fault names a place where no server is; one that ran and was stopped is better."""


class RecordError(Exception):
    """A fault that did not show as it should; the message holds the end of the log."""


def record_anyhow(fault: Fault, into: Path, python: Path) -> Path:
    """With a healthy run before where that can be: some faults show only on what was not yet seen."""
    for before in (True, False):
        try:
            with tempfile.TemporaryDirectory(prefix="autohealer-record-") as folder:
                return record(fault, Path(folder), into, python, healthy_before=before)
        except (ClusterError, RecordError):
            if not before:
                raise
    raise AssertionError("the loop returns or raises")


def record(
    fault: Fault,
    work: Path,
    into: Path,
    python: Path = Path(sys.executable),
    *,
    healthy_before: bool = True,
) -> Path:
    """Break, capture, keep; returns the folder of the incident. `work` is a scratch folder.

    Raises:
        ClusterError: the testbed did not come up.
        RecordError: the log does not hold the fault's symptom.
        TraceError: the capture tells of this machine.
    """
    repo = make_repository(work / "MarketSwarm").path
    # A real checkout's PID files are no part of it.
    (repo / ".git" / "info" / "exclude").write_text(".pids/\n", encoding="utf-8")
    down = _stops_mysql(fault)
    env = {key: value for key, value in fault.env.items() if not (down and key in MYSQL_ADDRESS)}
    with Cluster(work / "run", repo, python=python, env=env) as cluster:
        site = find_site(repo, cluster.urls["system-redis"])
        with _listening(site) as ring:
            _start(cluster, fault, site, healthy_before=healthy_before and (down or _harmless(fault)))
            fault.apply(repo)
            if down:
                cluster.stop_mysql()
            fault.strike(cluster)
            _until_it_shows(cluster, fault)
            captured = _capture(cluster, fault, site, ring, work / "incidents")
        ports = {name: int(url.rpartition(":")[2]) for name, url in cluster.urls.items()} | cluster.ports
        ports["mysql"] = cluster.mysql.port
    Machine(repo, work, python, ports).as_production(captured)
    _name(captured, into.name)
    if fault.symptom not in (captured / "log.txt").read_text(encoding="utf-8"):
        end = (captured / "log.txt").read_text(encoding="utf-8")[-1500:]
        raise RecordError(f"the log does not hold {fault.symptom!r}:\n{end}")
    (captured / TRUTH_FILE).write_text(truth_of(fault).toml(), encoding="utf-8")
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(captured, into)
    return into


@contextmanager
def _listening(site: Site) -> Iterator[Ring]:
    """Keep the messages of every channel that a service reads, as the watch does."""
    ring = Ring()
    uses = [use for name in site.truth.services for use in site.truth.component(name).reads]
    listener = Listener(site.buses, uses, ring, lambda alert: None)
    try:
        yield ring
    finally:
        listener.close()


def _stops_mysql(fault: Fault) -> bool:
    """Whether the fault is that MySQL is down, and there is a server here to stop."""
    return fault.category is Category.MYSQL_CONNECTION and MySql.installed()


def _harmless(fault: Fault) -> bool:
    """Whether the service is well under the fault's environment, as long as nothing else happened."""
    return fault.folder.exists() or not fault.env or fault.env is CLOSED_MARKET


def _start(cluster: Cluster, fault: Fault, site: Site, *, healthy_before: bool) -> None:
    """A platform that is well: what the service depends on and, where it can be, the service itself."""
    own = fault.service
    wanted = dict.fromkeys((*fault.needs, *site.truth.dependencies(own)))
    others = [name for name in wanted if site.truth.has(name) and name != own]
    cluster.start(*others)
    if healthy_before:
        cluster.start(own)


def _until_it_shows(cluster: Cluster, fault: Fault) -> None:
    """Wait for the death, or for the log to tell; where only a stop makes it tell, stop it as one would."""
    if fault.effect == "exit":
        cluster.wait_exit(fault.service)
        _until_expired(cluster, fault.service)
        return
    deadline = time.monotonic() + BITES_WITHIN_S
    while time.monotonic() < deadline:
        if _shows(cluster, fault):
            return
        time.sleep(0.1)
    cluster.stop(fault.service)
    _until_expired(cluster, fault.service)


def _shows(cluster: Cluster, fault: Fault) -> bool:
    """Whether the last run's log holds the symptom."""
    last_run = cluster.log_end(fault.service, 1 << 20).rpartition(f" Starting {fault.service} at ")[2]
    return fault.symptom in last_run


def _until_expired(cluster: Cluster, service: str) -> None:
    """A capture belongs after the heartbeat has expired, as the watch would take it."""
    redis = cluster.redis("system-redis")
    deadline = time.monotonic() + EXPIRES_WITHIN_S
    try:
        while redis.exists(f"{service}:heartbeat") and time.monotonic() < deadline:
            time.sleep(0.1)
    except RedisError:
        return


def _capture(cluster: Cluster, fault: Fault, before: Site, ring: Ring, into: Path) -> Path:
    """The world as it is now; by the Truth from before where none can be read any more."""
    now = find_site(cluster.repo, cluster.urls["system-redis"])
    site = now if now.truth_from == "redis" else before
    reads = site.truth.component(fault.service).reads
    collector = HealthCollector(site.root, site.truth, site.buses)
    try:
        evidence = take(fault.service, site, collector.collect(), ring.of(reads))
        return write_incident(evidence, into, "recorded", Redactor(site.secrets())).path
    finally:
        collector.close()


def _name(folder: Path, name: str) -> None:
    """The case's own id, and no repository: who runs it says which."""
    file = folder / "incident.json"
    incident = json.loads(file.read_text(encoding="utf-8"))
    incident |= {"id": name, "repo": None}
    file.write_text(json.dumps(incident, indent=1) + "\n", encoding="utf-8")
