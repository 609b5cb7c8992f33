"""The MariaDB server of a testbed: a real one with real accounts, where one is installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.testbed.reaper import Reaper
from evals.testbed.server import ClusterError, Server
from sandbox.boot import mariadbd
from sandbox.inside.mysql import SMALL

USERS = ("journal", "sse")
"""Services that keep their data there."""

INSTALLS_WITHIN_S = 30.0
# What was committed outlives the death of the process; not that of the machine, which nobody waits for.
OPTIONS = (*SMALL, "--innodb-autoextend-increment=1", "--innodb-flush-log-at-trx-commit=2")
SET_UP = """\
CREATE DATABASE IF NOT EXISTS {database};
CREATE USER IF NOT EXISTS '{user}'@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL ON {database}.* TO '{user}'@'127.0.0.1';
USE {database};
CREATE TABLE IF NOT EXISTS sessions (token VARCHAR(64) PRIMARY KEY, user VARCHAR(64) NOT NULL, created TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS econ_indicators (name VARCHAR(32) PRIMARY KEY, happens_at TIMESTAMP NOT NULL, weight INT NOT NULL);
INSERT IGNORE INTO econ_indicators VALUES ('FOMC', '2026-03-18 18:00:00', 3), ('CPI', '2026-03-11 12:30:00', 3);
"""  # noqa: E501 - the server takes one statement a line
"""What an operator has set up before the services start: journal makes its tables itself, sse does not."""


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of the services, and their database."""

    user: str
    password: str
    database: str

    @classmethod
    def of(cls, repo: Path) -> Account:
        """What a checkout's Truth says about journal's, which is sse's too."""
        file = repo / "truth" / "components" / f"{USERS[0]}.json"
        env = json.loads(file.read_text(encoding="utf-8"))["env"]
        return cls(env["MYSQL_USER"], env["MYSQL_PASSWORD"], env["MYSQL_DATABASE"])


class MySql(Server):
    """The server. It keeps its data over `stop` and `start`, and lets in whom Truth names, by password."""

    def __init__(self, folder: Path, reaper: Reaper, account: Account) -> None:
        super().__init__("mysql", folder, reaper)
        self.account = account
        self._data = folder / "data"
        reaper.remove(folder)

    @staticmethod
    def installed() -> bool:
        """Whether this machine has one, with the program that makes its system tables."""
        return mariadbd() is not None and _install_db() is not None

    def start(self, timeout: float = 10.0) -> None:
        """Start it and wait until it greets; the first time, make its files and the account.

        Raises:
            ClusterError: MariaDB is not installed, or did not start.
        """
        if not self.installed():
            raise ClusterError("MariaDB is not installed here")
        if not self._data.exists():
            self._install()
        super().start(timeout)

    def _install(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._set_up.write_text(SET_UP.format(**asdict(self.account)), encoding="utf-8")
        child = self._run([str(_install_db()), "--no-defaults", "--skip-test-db", *self._options()])
        if child.wait(INSTALLS_WITHIN_S) != 0:
            child.end()
            shutil.rmtree(self._data, ignore_errors=True)
            raise ClusterError(f"the tables of {self.name} could not be made: {self._log_end()}")

    @property
    def _set_up(self) -> Path:
        return self._folder / "set_up.sql"

    def _options(self) -> list[str]:
        # At its start a server removes the temporary tables of every other one that has the same `tmpdir`.
        return [*OPTIONS, f"--datadir={self._data}", f"--tmpdir={self._folder}"]

    def _argv(self) -> list[str]:
        # Beside the data, by a relative path: that of a socket has to be short.
        own = {"port": self.port, "socket": "mysql.sock", "pid-file": "mysql.pid", "init-file": self._set_up}
        options = [f"--{name}={value}" for name, value in own.items()]
        return [str(mariadbd()), "--no-defaults", *_user(), *self._options(), *options]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return len(connection.recv(64)) > 4
        except OSError:
            return False


def _install_db() -> str | None:
    server = mariadbd()
    beside = [str(server.parent), str(server.parent.parent / "bin")] if server else []
    return shutil.which(
        "mariadb-install-db", path=os.pathsep.join([os.environ.get("PATH", os.defpath), *beside])
    )


def _user() -> tuple[str, ...]:
    """MariaDB wants to be told that it may run as root, which its folder is for one user only."""
    return ("--user=root",) if os.geteuid() == 0 else ()
