"""journal and sse on a real MariaDB: what they keep there, what its death does to them, what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.diagnosis import Category
from agent.triage import triage
from evals.testbed.cluster import Cluster, ClusterError
from evals.testbed.drivers import LOCKS, node_modules
from evals.testbed.mysql import MySql
from evals.testbed.repository import make_repository
from sandbox.node import find_node
from tools.capture import capture_now
from tools.repository import Repository

pytestmark = pytest.mark.slow
needs_mysql = pytest.mark.skipif(
    not MySql.installed() or find_spec("mysql") is None,
    reason="needs MariaDB, and journal's driver, which `make drivers` fetches",
)
needs_mysql2 = pytest.mark.skipif(
    not MySql.installed() or node_modules() is None or find_node() is None,
    reason="needs MariaDB, Node.js, and sse's driver, which `make drivers` fetches",
)
SERVICES = [pytest.param("journal", marks=needs_mysql), pytest.param("sse", marks=needs_mysql2)]
TRADE = {"symbol": "SPX", "quantity": 2, "entry_price": 6000.5, "planned_risk": 500}
FAST = {"JOURNAL_MARK_INTERVAL_SEC": "0.2"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    repo = make_repository(tmp_path / "repo")
    with Cluster(tmp_path / "run", repo.path, env=FAST) as running:
        yield running


def ask(cluster: Cluster, service: str, path: str, body: dict[str, object] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{cluster.ports[service]}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as response:
        return json.loads(response.read())


def status(cluster: Cluster, service: str, path: str) -> int:
    try:
        ask(cluster, service, path)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


def rows(cluster: Cluster, statement: str, password: str | None = None) -> list[tuple[Any, ...]]:
    """What the server itself holds, as the services' own account sees it."""
    from mysql.connector import connect

    account = cluster.mysql.account
    password = account.password if password is None else password
    named = {"user": account.user, "password": password, "database": account.database}
    with closing(connect(host="127.0.0.1", port=cluster.mysql.port, **named)) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())


def diagnosed(cluster: Cluster, service: str, state: Path) -> tuple[Any, Any]:
    """What is captured of a death, and what the rules say that it was."""
    folder = capture_now(service, cluster.repo, state, cluster.urls["system-redis"])
    with closing(Repository(cluster.repo, folder.incident().commit)) as repository:
        return folder.snapshot(), triage(folder, repository)


@needs_mysql
def test_a_trade_outlives_journal_and_the_server(cluster: Cluster) -> None:
    cluster.start("journal")
    made = ask(cluster, "journal", "/api/trades", TRADE)
    cluster.restart("journal")
    assert ask(cluster, "journal", "/health")["storage"] == "mysql"
    assert ask(cluster, "journal", f"/api/trades/{made['id']}")["entry_price"] == TRADE["entry_price"]
    [(owner, body)] = rows(cluster, "SELECT owner, body FROM trades")
    assert (owner, json.loads(body)["symbol"]) == ("demo", "SPX")
    cluster.stop("journal")
    cluster.stop_mysql()
    cluster.start_mysql()
    assert rows(cluster, "SELECT COUNT(*) FROM trades") == [(1,)]


@needs_mysql
def test_a_wrong_password_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    from mysql.connector import ProgrammingError

    cluster.start_mysql()
    with pytest.raises(ProgrammingError, match="Access denied"):
        rows(cluster, "SELECT 1", password="another")
    cluster.env |= {"MYSQL_PASSWORD": "another", "MYSQL_REQUIRED": "true"}
    cluster.start("journal", wait=False)
    assert cluster.wait_exit("journal") == 1
    snapshot, found = diagnosed(cluster, "journal", tmp_path / "state")
    assert snapshot.mysql.alive
    assert (found.category, found.verdict) == (Category.MYSQL_CONNECTION, "not_fixable")


def test_truth_names_the_cluster_s_own_server(cluster: Cluster) -> None:
    truth = json.loads(str(cluster.redis("system-redis").get("truth")))
    assert truth["shared_resources"]["mysql"]["port"] == cluster.mysql.port
    for service in ("journal", "sse"):
        assert truth["components"][service]["env"]["MYSQL_PORT"] == str(cluster.mysql.port)
    assert not cluster.mysql.running


@needs_mysql2
def test_sse_keeps_sessions_and_loses_no_more_than_its_server_does(cluster: Cluster) -> None:
    cluster.start("sse")
    assert ask(cluster, "sse", "/api/health")["storage"] == "mysql"
    assert ask(cluster, "sse", "/api/login", {"user": "ada"}) == {"user": "ada"}
    assert {each["name"] for each in ask(cluster, "sse", "/api/econ")["indicators"]} == {"FOMC", "CPI"}
    cluster.stop_mysql()
    assert status(cluster, "sse", "/api/econ") == 500
    assert status(cluster, "sse", "/api/health") == 200
    cluster.start_mysql()
    assert status(cluster, "sse", "/api/econ") == 200
    if find_spec("mysql"):
        assert rows(cluster, "SELECT user FROM sessions") == [("ada",)]


@needs_mysql
def test_journal_ends_with_its_server_and_the_health_says_which(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start("journal")
    cluster.stop_mysql()
    assert cluster.wait_exit("journal") == 1
    snapshot, found = diagnosed(cluster, "journal", tmp_path / "state")
    assert snapshot.mysql.alive is False
    assert (found.category, found.verdict) == (Category.MYSQL_CONNECTION, "not_fixable")


@pytest.mark.parametrize("service", SERVICES)
def test_a_node_that_requires_it_does_not_start_without(
    cluster: Cluster, tmp_path: Path, service: str
) -> None:
    cluster.env["MYSQL_REQUIRED"] = "true"
    cluster.stop_mysql()
    cluster.start(service, wait=False)
    assert cluster.wait_exit(service) == 1
    snapshot, found = diagnosed(cluster, service, tmp_path / "state")
    assert snapshot.mysql.alive is False
    assert (found.category, found.verdict) == (Category.MYSQL_CONNECTION, "not_fixable")


def test_without_a_server_they_cope_on_memory(cluster: Cluster) -> None:
    services = ("journal", "sse") if find_node() else ("journal",)
    cluster.stop_mysql()
    cluster.start(*services)
    assert not cluster.mysql.running
    assert ask(cluster, "journal", "/health")["storage"] == "memory"
    assert ask(cluster, "journal", "/api/trades", TRADE)["symbol"] == "SPX"
    if "sse" in services:
        assert ask(cluster, "sse", "/api/health")["storage"] == "memory"


@pytest.mark.skipif(MySql.installed(), reason="MariaDB is installed here")
def test_a_machine_without_mariadb_says_so(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="not installed"):
        cluster.start_mysql()


@needs_mysql
def test_no_server_and_no_data_are_left(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    with Cluster(tmp_path / "run", repo.path) as cluster:
        cluster.start("journal")
        [server] = servers_in(tmp_path)
        assert (tmp_path / "run/mysql/data").is_dir()
    assert not server.is_running()
    assert not (tmp_path / "run/mysql").exists()


HOLDER = """
import sys, time
from pathlib import Path
from evals.testbed.cluster import Cluster
with Cluster(Path(sys.argv[1]) / "run", Path(sys.argv[1]) / "repo") as cluster:
    cluster.start("journal")
    print("up", flush=True)
    time.sleep(60)
"""


@needs_mysql
def test_no_server_and_no_data_are_left_by_a_killed_holder(tmp_path: Path) -> None:
    make_repository(tmp_path / "repo")
    argv = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        [server] = servers_in(tmp_path)
        os.kill(holder.pid, signal.SIGKILL)
    assert eventually(lambda: not alive(server) and not (tmp_path / "run/mysql").exists())


def servers_in(folder: Path) -> list[psutil.Process]:
    """The MariaDB servers that work below a folder."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.info["name"] in ("mariadbd", "mysqld") and f"{folder}/" in line:
            found.append(process)
    return found


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually(holds: Callable[[], bool], timeout: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and not holds():
        time.sleep(0.05)
    return holds()


def test_what_is_fetched_is_pinned_by_hash_and_names_no_registry() -> None:
    lock = json.loads((LOCKS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert "node_modules/mysql2" in packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    for name, fewest in (("mysql.txt", 1), ("node.txt", 4)):
        python = [line for line in (LOCKS / name).read_text().splitlines() if line[0] != "#"]
        assert "==" in python[0]
        assert sum(line.count("--hash=sha256:") for line in python) >= fewest
    assert not [file.name for file in LOCKS.iterdir() if "://" in file.read_text()]
