"""The testbed alive: its servers, and services started as their scripts start them."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from redis.exceptions import RedisError

from evals.testbed.child import Child
from evals.testbed.server import ClusterError
from evals.testbed.servers import Servers
from evals.testbed.start_up import FIRST_MODELS, forget_last_run, is_ready, run_script

__all__ = ["Cluster", "ClusterError"]

TERM_GRACE_SEC = 3.0


class Cluster(Servers):
    """A running MarketSwarm: `with Cluster(root, repo) as cluster: cluster.start("massive", "vigil")`.

    `root` is a folder for the servers' data and the services' home, `repo` the checkout that runs, and
    gets `logs/` and `.pids/` as a real one does. Whatever was started is gone on exit, also when the
    process that holds the cluster is killed.
    """

    def __init__(
        self,
        root: Path,
        repo: Path,
        *,
        python: Path | None = None,
        env: Mapping[str, str] | None = None,
        heartbeat: tuple[float, int] | None = (1.0, 3),
    ) -> None:
        """`heartbeat` is interval and TTL in seconds for every service; None leaves Truth's own.

        `env` is added to the services' environment at each start and overrides the `env` blocks of Truth,
        e.g. {"MASSIVE_SESSION": "closed"} for a market in which no price moves.
        """
        super().__init__(root, repo, python or Path(sys.executable), dict(env or {}), heartbeat)
        self._services: dict[str, Child] = {}

    def __enter__(self) -> Self:
        try:
            forget_last_run(self.repo)
            self.start_servers()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every service and server; safe to call again."""
        for child in self._services.values():
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + TERM_GRACE_SEC
        for child in self._services.values():
            child.wait(max(0.0, deadline - time.monotonic()))
            child.end()
        self.end_servers()

    def start(self, *services: str, wait: bool = True, timeout: float = 20.0) -> None:
        """Start services through their scripts; with `wait`, massive first and each until it beats.

        Raises:
            ClusterError: one of them ended or did not beat within `timeout` seconds.
        """
        for service in services:
            self._launch(service)
            if wait and service in FIRST_MODELS:
                self.wait_heartbeat(service, timeout)
        if wait:
            for service in services:
                self.wait_heartbeat(service, timeout)

    def stop(self, service: str, timeout: float = 10.0) -> int | None:
        """Stop a service as the operator does: SIGTERM, PID file gone. Its exit code."""
        run_script(self.repo / "scripts" / f"ms-{service}.sh", "stop", self.environment())
        child = self._services[service]
        if child.wait(timeout) is None:
            child.end()
        return child.exit_code

    def restart(self, service: str, *, wait: bool = True, timeout: float = 20.0) -> None:
        """Stop it where it runs, and start it again."""
        if self.alive(service):
            self.stop(service)
        self.start(service, wait=wait, timeout=timeout)

    def kill(self, service: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a service; its PID file stays, as after a crash."""
        self._services[service].signal(number)

    def alive(self, service: str) -> bool:
        """Whether its process runs."""
        return service in self._services and self._services[service].exit_code is None

    def pid(self, service: str) -> int:
        """Process id of the last start of a service."""
        return self._services[service].pid

    def wait_exit(self, service: str, timeout: float = 20.0) -> int:
        """Wait until a service has ended by itself. Its exit code; negative for a signal.

        Raises:
            ClusterError: it still runs after `timeout` seconds.
        """
        code = self._services[service].wait(timeout)
        if code is None:
            raise ClusterError(f"{service} still runs after {timeout:g}s\n{self.log_end(service)}")
        return code

    def wait_heartbeat(self, service: str, timeout: float = 20.0) -> None:
        """Wait until a service beats under its present PID, listens, and has written its first models.

        Raises:
            ClusterError: it ended, or there was no heartbeat within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.alive(service):
                break
            child = self._services[service]
            with suppress(RedisError):
                system, market = self.redis("system-redis"), self.redis("market-redis")
                if is_ready(service, child, system, market, self.ports.get(service)):
                    return
            time.sleep(0.02)
        state = "has no heartbeat" if self.alive(service) else "ended at start"
        raise ClusterError(f"{service} {state}\n{self.log_end(service)}")

    def log(self, service: str) -> Path:
        """The service's log file."""
        return self.repo / "logs" / f"{service}.log"

    def log_end(self, service: str, characters: int = 3000) -> str:
        """The end of a service's log; empty where there is none."""
        file = self.log(service)
        return file.read_text(encoding="utf-8", errors="replace")[-characters:] if file.exists() else ""

    def _launch(self, service: str) -> None:
        script = self.repo / "scripts" / f"ms-{service}.sh"
        if not script.exists():
            raise ClusterError(f"the checkout has no {script.name}")
        if self.alive(service):
            raise ClusterError(f"{service} already runs with PID {self.pid(service)}")
        self.provide(service)
        output = self.root / f"{service}.script.log"
        argv = ["bash", str(script), "run"]
        self._services[service] = Child(
            argv, cwd=self.repo, env=self.environment(), output=output, reaper=self.reaper
        )
