"""One run of a service: starting, then serving, then stopping, and what was seen of it."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Any

from sandbox.inside.awaited import Awaited
from sandbox.inside.buses import Buses
from sandbox.inside.monitor import Monitor, Seen
from sandbox.inside.node_service import NodeService
from sandbox.inside.python_service import PythonService
from sandbox.inside.routes import listening, routes
from sandbox.inside.service import Service
from sandbox.inside.shapes import FIELDS_KEPT, fields_of_key

TICK_S = 0.01
DRAIN_S = 0.3
LATE_S = 1.0
SETTLE_S = 0.5
TRACE_ENDED = "what traces it ended while it lived on"
ASKED_S = 0.05
"""How long a service that runs its handlers when it is asked for its routes is given to take harm of that."""


class Course:
    """The run, from the start of the process to its end."""

    def __init__(self, specification: dict[str, Any], buses: Buses, scratch: str, pace: float) -> None:
        """Start to watch the buses, then start the service.

        `pace` is how much slower than usual this machine is now: short waits are that much longer.
        """
        self._pace = pace
        self._times: dict[str, float] = specification["times"]
        self._messages: list[dict[str, str]] = specification["messages"]
        self._awaited = Awaited(specification["await"])
        self._paths: list[str] = specification["paths"]
        self._beat = f":{specification['service']}:heartbeat"
        self._buses, self._seen = buses, Seen()
        ours = {f"127.0.0.1:{each.socket.getsockname()[1]}".encode() for each in buses.clients.values()}
        self._monitors = [
            Monitor(bus, port, self._seen, ours.__contains__) for bus, port in buses.ports.items()
        ]
        self._servers = {
            *buses.ports.values(),
            *([mysql["port"]] if (mysql := specification["mysql"]) else []),
        }
        self._started = time.monotonic()
        self._service = start(specification, scratch)
        self._heartbeat: float | None = None
        self._selector = selectors.DefaultSelector()
        self._watch()

    def _watch(self) -> None:
        register: Callable[..., Any] = self._selector.register
        register(self._service.pipe, selectors.EVENT_READ, self._service.read_output)
        register(self._service.trace, selectors.EVENT_READ, self._service.read_trace)
        for monitor in self._monitors:
            register(monitor.socket, selectors.EVENT_READ, monitor.read)

    def run(self) -> dict[str, Any]:
        """Let it start, serve and stop; the report."""
        if self._start():
            self._serve()
        alive = self._alive()
        state = {**self._state(alive), **self._traced(alive)}
        signal_name, stopped_late = None, False
        if alive:
            signal_name = self._service.stop()
            stopped_late = not self._until(lambda: not self._alive(), self._times["stop_s"])
        self._service.kill()
        self._until(lambda: self._service.pipe not in self._selector.get_map(), DRAIN_S)
        ended = {"alive": alive, "signal": signal_name, "stopped_late": stopped_late}
        return {**self._report(), **state, **ended}

    def _traced(self, alive: bool) -> dict[str, Any]:
        """What can only be said of its functions while it lives: whether it is all, and what is open."""
        service, pending = self._service, sorted(self._service.pending)
        if alive:
            self._until(lambda: service.all_told, DRAIN_S)
            ended = service.trace not in self._selector.get_map()
            if ended and self._until(lambda: not self._alive(), ASKED_S):
                ended = False
            return {"pending": pending, "blind": service.blind or (TRACE_ENDED if ended else "")}
        return {"pending": [], "blind": ""}

    def _state(self, alive: bool) -> dict[str, list[Any]]:
        """What can only be seen while the servers hold it: before the service is stopped."""
        seen, ports = self._seen, listening(self._servers | self._service.own_ports)
        held = self._buses.held_subscriptions() if alive else seen.subscriptions
        self._note_fields(seen.keys)
        return {
            "subscriptions": sorted(held | seen.patterns | seen.consumed),
            "fields": sorted(seen.fields),
            "missing": [name for name in seen.reads if not self._buses.holds(name)],
            "ports": ports,
            "routes": self._routes(ports),
        }

    def _note_fields(self, names: set[str]) -> None:
        for name in sorted(names):
            bus, _, key = name.partition(":")
            if len(self._seen.fields) < FIELDS_KEPT:
                self._seen.fields.update(fields_of_key(self._buses.clients[bus], bus, key))

    def _routes(self, ports: list[int]) -> list[str]:
        """The routes that it answers; what comes of being asked is not held against it."""
        if not (ports and self._paths):
            return []
        self._service.leave_alone()
        self._until(lambda: self._service.settled, SETTLE_S)
        found = sorted(set(routes(ports, self._paths)))
        if self._service.muted:
            self._until(lambda: not self._alive(), ASKED_S)
            self._service.watch_again(self._alive())
        return found

    def _start(self) -> bool:
        """Wait for the first heartbeat; False when it ended or the time was up."""
        self._until(lambda: self._beaten() or not self._alive(), self._times["heartbeat_s"])
        return self._beaten() and self._alive()

    def _serve(self) -> None:
        """Let the messages come, twice, and give what is awaited the time to happen."""
        patience = time.monotonic() + self._times["patience_s"]
        if self._messages:
            listening = [(message["bus"], message["channel"]) for message in self._messages]
            grace = time.monotonic() + self._times["grace_s"]
            self._pause(lambda: all(self._seen.listens(*each) for each in listening), self._times["grace_s"])
            self._pause(lambda: self._service.is_quiet, grace - time.monotonic())
            self._publish()
            self._pause(lambda: False, self._times["gap_s"] * self._pace)
            self._seen.late = True
            self._publish()
        self._pause(lambda: False, self._times["settle_s"] * self._pace)
        self._pause(self._had_awaited, patience - time.monotonic())
        self._pause(self._ran_again, LATE_S * self._pace)

    def _publish(self) -> None:
        self._service.next_round()
        self._until(lambda: self._service.settled, SETTLE_S)
        for message in self._messages:
            if message["bus"] in self._buses.clients:
                self._buses.publish(message["bus"], message["channel"], message["data"])

    def _ran_again(self) -> bool:
        self._service.look()
        return self._awaited.ran_again(*self._service.functions[1:])

    def _had_awaited(self) -> bool:
        self._service.look()
        self._note_fields(self._seen.keys & self._awaited.names)
        return self._awaited.met(set().union(*self._service.functions), self._seen)

    def _pause(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait until done, the time is up or the service ended."""
        self._until(lambda: done() or not self._alive(), seconds)

    def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Take in what happens until it is done; False when the time was up first."""
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self._selector.select(min(left, TICK_S)):
                if not key.data():
                    self._selector.unregister(key.fileobj)
        return True

    def _alive(self) -> bool:
        return self._service.process.poll() is None

    def _beaten(self) -> bool:
        if self._heartbeat is None and any(key.endswith(self._beat) for key in self._seen.keys):
            self._heartbeat = time.monotonic() - self._started
        return self._heartbeat is not None

    def _report(self) -> dict[str, Any]:
        seen, service = self._seen, self._service
        return {
            "output": service.output.text(),
            "shutdown_output": service.shutdown.text(),
            "exit_code": service.process.returncode,
            "first_heartbeat_s": self._heartbeat,
            "keys": sorted(seen.keys),
            "channels": sorted(seen.channels),
            "late_keys": sorted(seen.late_keys),
            "late_channels": sorted(seen.late_channels),
            "functions": sorted(set().union(*service.functions)),
            "first_functions": sorted(service.functions[1]),
            "late_functions": sorted(service.functions[2]),
            "ends": sorted(service.ends),
            "problem": None,
        }


def start(specification: dict[str, Any], scratch: str) -> Service:
    """Start the service, with what looks into it."""
    argv, env, folder = specification["argv"], specification["env"], specification["folder"]
    awaited = specification["await"]
    if specification["runtime"] == "node":
        return NodeService(argv, env, folder, awaited["files"])
    return PythonService(argv, env, folder, specification["tracer"], awaited, scratch)
