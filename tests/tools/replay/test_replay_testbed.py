"""Faults of the testbed, as they really killed a service of a running cluster, captured and replayed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis, RedisError

from evals.testbed.cluster import Cluster
from evals.testbed.faults import FAULTS, Fault
from evals.testbed.repository import make_repository
from sandbox.isolation import Isolation
from sandbox.patch import from_diff
from sandbox.worktree import PrivateRepository
from tools.capture import Heard, find_site, take, write_incident
from tools.health import HealthCollector
from tools.incident import IncidentFolder
from tools.logs import last_crash
from tools.redact import Redactor
from tools.replay import Replay, gone

PYTHON = Path(sys.executable)
MOST_MESSAGES = 60


@contextmanager
def listening(cluster: Cluster) -> Iterator[list[Heard]]:
    """Every message on every bus of a cluster, as a watch keeps them."""
    heard: list[Heard] = []
    over = threading.Event()

    def listen(bus: str, url: str) -> None:
        with (
            suppress(RedisError),
            Redis.from_url(url, decode_responses=True) as client,
            client.pubsub(ignore_subscribe_messages=True) as pubsub,
        ):
            pubsub.psubscribe("*")
            while not over.is_set():
                if (message := pubsub.get_message(timeout=0.05)) is not None:
                    heard.append(Heard(bus, message["channel"], message["data"], time.time()))

    threads = [threading.Thread(target=listen, args=each) for each in cluster.urls.items()]
    for thread in threads:
        thread.start()
    yield heard
    over.set()
    for thread in threads:
        thread.join()


def capture(cluster: Cluster, fault: Fault, heard: Sequence[Heard], parent: Path) -> IncidentFolder:
    site = replace(find_site(cluster.repo, cluster.urls["system-redis"]), buses=cluster.urls)
    channels = {use.name for use in site.truth.component(fault.service).reads if use.kind == "channel"}
    collector = HealthCollector(site.root, site.truth, site.buses)
    try:
        messages = [each for each in heard if each.channel in channels][-MOST_MESSAGES:]
        evidence = take(fault.service, site, collector.collect(), messages)
    finally:
        collector.close()
    written = write_incident(evidence, parent, "manual", Redactor(site.secrets()))
    return IncidentFolder(written.path)


def replay_of(fault: Fault, tmp_path: Path, isolation: Isolation) -> Replay:
    """Break the testbed, let the service die, capture it, and open the replay."""
    repo = make_repository(tmp_path / "repo").path
    with Cluster(tmp_path / "run", repo, env=fault.env) as cluster:
        cluster.start(*fault.needs)
        fault.apply(repo)
        with listening(cluster) as heard:
            fault.strike(cluster)
            if fault.effect == "exit":
                cluster.wait_exit(fault.service)
            else:
                time.sleep(1.5)
                cluster.stop(fault.service)
        folder = capture(cluster, fault, heard, tmp_path / "incidents")
    crash = last_crash(folder.log)
    private = PrivateRepository(repo, tmp_path / "state")
    commit = folder.incident().commit
    return Replay(private, isolation, PYTHON, folder, fault.service, commit, crash)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["vigil-relative-move", "copilot-alert-target", "copilot-mel-empty", "massive-zero-gamma", "rss-no-date"],
)
def test_a_fault_of_the_testbed_is_gone_with_its_fix_only(
    name: str, tmp_path: Path, isolation: Isolation
) -> None:
    fault = FAULTS[name]
    replay = replay_of(fault, tmp_path, isolation)
    base = replay.of(None)
    assert base.verdict == "reproduced", base.text
    assert fault.fix is not None and fault.wrong_fix is not None
    right, wrong = (
        from_diff(replay.repo, replay.commit, fault.service, diff.read_text())
        for diff in (fault.fix, fault.wrong_fix)
    )
    assert gone(replay, right) == []
    assert gone(replay, wrong) != []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "vigil-market-redis",
        "mesh-system-redis",
        "journal-truth-missing",
        "copilot-port-taken",
        "vigil-before-massive",
        "massive-websocket-refused",
        "vexy-operator-stop",
        "vigil-red-herring",
    ],
)
def test_what_is_not_the_code_s_is_never_reproduced(name: str, tmp_path: Path, isolation: Isolation) -> None:
    base = replay_of(FAULTS[name], tmp_path, isolation).of(None)
    assert base.verdict == "unclear", base.text
