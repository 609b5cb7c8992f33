"""A throw-away MariaDB server for one boot: empty but for its databases, and it lets everybody in."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence

from sandbox.inside.buses import BusError

START_S = 10.0
_HELD_S = 1.0
SMALL = (
    "--skip-networking=0",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=0",
    "--max-connections=64",
    "--table-open-cache=64",
    "--key-buffer-size=64K",
    "--aria-pagecache-buffer-size=1M",
    "--innodb-buffer-pool-size=8M",
    "--innodb-log-file-size=4M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-temp-data-file-path=ibtmp1:4M:autoextend",
    "--innodb-undo-tablespaces=0",
    "--innodb-use-native-aio=0",
)
"""A server this small makes its files anew in less than 0.1 s on a memory disk, so none are kept for it."""

_OPTIONS = (
    "--no-defaults",
    "--skip-grant-tables",
    *SMALL,
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=0",
)


class MySql:
    """The server; nothing is kept."""

    def __init__(self, binary: str, port: int, databases: Sequence[str], folder: str) -> None:
        """Start it, with its files below `folder`; `wait` waits for it."""
        self.port = port
        place = f"{folder}/mysql"
        self._log = f"{folder}/mysql.log"
        os.mkdir(place)  # noqa: PTH102 - pathlib is slow to import here
        for name in databases:
            os.mkdir(f"{place}/{name}")  # noqa: PTH102
        own = {"port": port, "datadir": place, "tmpdir": place, "log-error": self._log}
        own |= {"socket": f"{folder}/mysql.sock", "pid-file": f"{folder}/mysql.pid"}
        argv = [binary, *_OPTIONS, *(f"--{name}={value}" for name, value in own.items())]
        quiet = subprocess.DEVNULL
        self._server = subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)

    def wait(self) -> None:
        """Wait until it greets.

        Raises:
            BusError: it ended, or did not answer within ten seconds.
        """
        deadline = time.monotonic() + START_S
        while not self._greets():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise BusError(f"MariaDB did not start: {self._last_word()}")
            time.sleep(0.005)

    def kill(self) -> None:
        """End it at once."""
        self._server.kill()
        self._server.wait()

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_HELD_S) as connection:
                return len(connection.recv(64)) > 4
        except OSError:
            return False

    def _last_word(self) -> str:
        try:
            with open(self._log, errors="replace") as file:  # noqa: PTH123
                errors = [line for line in file if "[ERROR]" in line]
        except OSError:
            errors = []
        return errors[-1].strip()[-300:] if errors else "it said nothing"
