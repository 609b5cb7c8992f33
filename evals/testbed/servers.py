"""What the services of a testbed stand on: Redis, MariaDB where installed, Truth, their environment."""

from __future__ import annotations

import socket
from pathlib import Path

from redis import Redis

from evals.testbed.buses import BUSES, Bus
from evals.testbed.mysql import USERS, Account, MySql
from evals.testbed.reaper import Reaper
from evals.testbed.server import ClusterError, free_port
from evals.testbed.start_up import environment
from evals.testbed.truth import publish

HTTP_SERVICES = ("sse", "journal", "copilot", "vexy_ai")


class Servers:
    """The part of a cluster that is no service.

    MariaDB is started with the first service that uses it, so that a cluster without one costs nothing.
    Its address is the cluster's own from the beginning, also where none is installed: no service of a
    testbed ever asks for a server of this machine.
    """

    def __init__(
        self,
        root: Path,
        repo: Path,
        python: Path,
        env: dict[str, str],
        heartbeat: tuple[float, int] | None,
    ) -> None:
        self.root = root
        self.repo = repo
        self.python = python
        self.env = env
        self.ports: dict[str, int] = {}
        self._heartbeat = heartbeat
        self._buses: dict[str, Bus] = {}
        self._mysql: MySql | None = None
        self._mysql_awaits = True
        self._reaper: Reaper | None = None
        self._listeners: list[socket.socket] = []

    @property
    def reaper(self) -> Reaper:
        """What kills every process of the cluster when its holder is gone."""
        if self._reaper is None:
            raise ClusterError("a cluster must be entered before anything starts")
        return self._reaper

    def start_servers(self) -> None:
        """Start the Redis servers and publish Truth.

        Raises:
            ClusterError: one did not come up, or Truth was not built.
        """
        self._reaper = Reaper()
        self.ports = {service: free_port() for service in HTTP_SERVICES}
        self._mysql = MySql(self.root / "mysql", self._reaper, Account.of(self.repo))
        for name in BUSES:
            self._buses[name] = Bus(name, self.root / "redis", self._reaper)
            self._buses[name].start()
        self.publish_truth()

    def end_servers(self) -> None:
        """End every server, and let go of every port; safe to call again."""
        for bus in self._buses.values():
            bus.stop()
        if self._mysql is not None:
            self._mysql.stop()
        for listener in self._listeners:
            listener.close()
        if self._reaper is not None:
            self._reaper.close()

    def provide(self, service: str) -> None:
        """Start MariaDB for the first service that uses it, unless somebody started or stopped it before."""
        if service in USERS and self._mysql_awaits and MySql.installed():
            self.start_mysql()

    def occupy(self, port: int = 0) -> int:
        """Listen on a port (0: any) and never answer, until the cluster is closed. The port."""
        listener = socket.create_server(("127.0.0.1", port))
        self._listeners.append(listener)
        number: int = listener.getsockname()[1]
        return number

    @property
    def urls(self) -> dict[str, str]:
        """Redis URL by bus name."""
        return {name: bus.url for name, bus in self._buses.items()}

    def redis(self, bus: str) -> Redis:
        """The client of one bus ("system-redis", "market-redis", "intel-redis"), answering str."""
        return self._buses[bus].client()

    def stop_redis(self, bus: str) -> None:
        """Kill one server. Its data is lost."""
        self._buses[bus].stop()

    def start_redis(self, bus: str) -> None:
        """Start a stopped server again, empty, on its old port."""
        self._buses[bus].start()

    def freeze_redis(self, bus: str) -> None:
        """Let one server accept and never answer, until `thaw_redis`."""
        self._buses[bus].freeze()

    def thaw_redis(self, bus: str) -> None:
        """End a `freeze_redis`."""
        self._buses[bus].thaw()

    @property
    def mysql(self) -> MySql:
        """The MariaDB server: its port, whether it runs, who is let in."""
        if self._mysql is None:
            raise ClusterError("a cluster must be entered before anything starts")
        return self._mysql

    def stop_mysql(self) -> None:
        """Kill MariaDB, or leave it down for good where it never ran. What was committed is kept."""
        self._mysql_awaits = False
        self.mysql.stop()

    def start_mysql(self) -> None:
        """Start MariaDB, again or before any service wants it, on its port and with its data.

        Raises:
            ClusterError: it is not installed here, or did not start.
        """
        self._mysql_awaits = False
        self.mysql.start()

    def publish_truth(self) -> None:
        """Build Truth from the checkout as its script does, with this cluster's URLs, ports and heartbeats.

        Raises:
            ClusterError: the script failed.
        """
        publish(self.repo, self.environment(), self.redis("system-redis"))

    def environment(self) -> dict[str, str]:
        """What scripts and services get: nothing of ours but PATH, so that no key of the user's leaks in."""
        home = self.root / "home"
        home.mkdir(parents=True, exist_ok=True)
        own = environment(home, self.python, self.urls, self.ports, self.mysql.port, self._heartbeat)
        return own | self.env
