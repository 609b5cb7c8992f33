"""Rows of the tools: search, logs, health."""

from __future__ import annotations

import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from evals.bench.row import Row, median_s
from evals.testbed.cluster import Cluster
from evals.testbed.repository import make_repository
from tools.capture import find_site
from tools.health import HealthCollector
from tools.logs import last_crash
from tools.repository import Repository

CRASH = (
    "Traceback (most recent call last):\n"
    '  File "/srv/MarketSwarm/services/vigil/intel/rules.py", line 108, in check\n'
    "    change = state.last.day_change_pct\n"
    "TypeError: unsupported operand type(s) for -: 'float' and 'NoneType'\n"
)
LINE = "[2026-11-22 12:58:46][vigil][INFO] ok   heartbeat and nothing else to be said, number {:>9}\n"


def tools_rows(folder: Path) -> Iterator[Row]:
    """Rows that need no sandbox. `folder` is for what they make."""
    yield from _log_rows(folder)
    testbed = make_repository(folder / "tools-marketswarm")
    yield from _grep_rows(testbed.path)
    with Cluster(folder / "tools-run", testbed.path) as cluster:
        cluster.start("massive", "vigil", "copilot", "mesh")
        yield from _health_rows(cluster)


def _log_rows(folder: Path) -> Iterator[Row]:
    small = made_log(folder / "small.log", 10, CRASH.encode())
    big = made_log(folder / "big.log", 1000, CRASH.encode())
    tail = median_s(lambda: subprocess.run(["tail", "-n", "200", str(big)], capture_output=True, check=True))
    of_big, of_small = median_s(lambda: _found(big)), median_s(lambda: _found(small))
    tracemalloc.start()
    _found(big)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    detail = f"{of_big * 1000:.1f} ms, tail {tail * 1000:.1f} ms"
    yield Row("last crash of a 1 GB log", of_big / tail, 0.5, "x tail -n 200", detail)
    yield Row("last crash, 1 GB against 10 MB", of_big / of_small, 1.5, "x", detail)
    yield Row("last crash of a 1 GB log, memory", peak, 10.0, "MiB")


def _found(log: Path) -> None:
    crash = last_crash(log)
    assert crash is not None and crash.final is not None and crash.final.type == "TypeError"


def made_log(path: Path, megabytes: int, end: bytes) -> Path:
    """A log of so many megabytes in which nothing happens before its `end`."""
    block = "".join(LINE.format(number) for number in range(10_000)).encode()
    with path.open("wb") as log:
        for _ in range(megabytes * 10**6 // len(block)):
            log.write(block)
        log.write(end)
    return path


def _grep_rows(repo: Path) -> Iterator[Row]:
    repository = Repository(repo)
    argv = ["git", "grep", "-n", "-e", "market-redis", "HEAD", "--", "services", "shared"]
    bare = median_s(lambda: subprocess.run(argv, cwd=repo, capture_output=True, check=True), rounds=15)
    ours = median_s(lambda: repository.grep("market-redis", paths=("services", "shared")), rounds=15)
    yield Row("grep_services", ours / bare, 1.5, "x git grep", f"{ours * 1000:.1f} ms")


def _health_rows(cluster: Cluster) -> Iterator[Row]:
    """One snapshot against new clients that ask for each key's value and TTL."""
    site = find_site(cluster.repo, cluster.urls["system-redis"])
    collector = HealthCollector(site.root, site.truth, cluster.urls)
    keys = [f"{name}:heartbeat" for name in site.truth.services][:12]

    def plainly() -> None:
        for url in cluster.urls.values():
            for key in keys:
                with Redis.from_url(url) as client:
                    client.get(key)
                    client.ttl(key)

    plain = median_s(plainly)
    ours = median_s(lambda: collector.collect(full=False), rounds=9)
    collector.close()
    detail = f"{ours * 1000:.1f} ms, {len(keys)} keys on {len(cluster.urls)} servers"
    yield Row("health snapshot", ours / plain, 0.2, "x new clients with GET and TTL", detail)
    yield Row("health with a frozen Redis", _frozen_s(cluster), 2.0, "s")


def _frozen_s(cluster: Cluster) -> float:
    site = find_site(cluster.repo, cluster.urls["system-redis"])
    collector = HealthCollector(site.root, site.truth, cluster.urls)
    cluster.freeze_redis("market-redis")
    started = time.perf_counter()
    collector.collect()
    took = time.perf_counter() - started
    cluster.thaw_redis("market-redis")
    collector.close()
    return took
