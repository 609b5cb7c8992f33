"""A service that needs MySQL, in a box with a MariaDB server of its own."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.boot import BootReport, MySql, Waits, World, boot, mariadbd
from sandbox.isolation import Isolation

pytestmark = pytest.mark.skipif(
    mariadbd() is None or sys.platform != "linux",
    reason="needs mariadbd, and a network of its own, which Linux has",
)
QUICK = Waits(heartbeat_s=5.0, settle_s=0.1, gap_s=0.1, patience_s=0.0, stop_s=1.0)
CLIENT = (Path(__file__).parents[1] / "tools/replay/mysql_client.py").read_text()
WORLD = World(
    "pulse",
    {"system-redis": "redis://127.0.0.1:6379"},
    "system-redis",
    {},
    entry_point="services/pulse/main.py",
    mysql=MySql(3306, ("fotw_app", "other")),
)
MAIN = """\
import sys
sys.path.insert(0, "services/pulse")
import redis
from mysql_client import connect
database = connect("127.0.0.1", PORT, "fotw_app", "FAKE-password", "fotw_app")
database.query("CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, body JSON NOT NULL)")
database.query("INSERT INTO t (body) VALUES ('{\\"price\\": 5012.5}')")
print(database.query("SELECT id, body FROM t"), database.query("SHOW DATABASES LIKE 'other'"), flush=True)
redis.Redis(port=6379).set("pulse:heartbeat", 1)
while True:
    import time
    time.sleep(60)
"""


def booted(isolation: Isolation, folder: Path, world: World = WORLD, main: str = MAIN) -> BootReport:
    files = {"main.py": main.replace("PORT", str(world.mysql.port if world.mysql else 3306))}
    for name, text in {**files, "mysql_client.py": CLIENT}.items():
        file = folder / "services/pulse" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return boot(isolation, Path(sys.executable), folder, world, waits=QUICK)


def test_tables_are_made_and_read_as_in_life(backend: Isolation, tmp_path: Path) -> None:
    report = booted(backend, tmp_path)
    assert report.problem is None
    assert report.output == "[['1', '{\"price\": 5012.5}']] [['other']]\n"
    assert report.alive and report.first_heartbeat_s is not None
    assert report.ports == report.lacking == frozenset()


def test_nothing_is_left_for_the_next_boot(isolation: Isolation, tmp_path: Path) -> None:
    first, second = (booted(isolation, tmp_path) for _ in range(2))
    assert first.output == second.output


def test_another_port(isolation: Isolation, tmp_path: Path) -> None:
    report = booted(isolation, tmp_path, replace(WORLD, mysql=MySql(3307, ("fotw_app", "other"))))
    assert report.alive


def test_a_service_without_it_finds_none(isolation: Isolation, tmp_path: Path) -> None:
    report = booted(isolation, tmp_path, replace(WORLD, mysql=None))
    assert "ConnectionRefusedError" in report.output
    assert report.lacking == frozenset()


def test_a_server_that_does_not_start_is_a_problem_not_a_crash(isolation: Isolation, tmp_path: Path) -> None:
    report = booted(isolation, tmp_path, replace(WORLD, mysql=MySql(6379)))
    assert report.problem is not None and report.problem.startswith("BusError: MariaDB did not start: ")
