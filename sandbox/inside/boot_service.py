"""Boots one service with its own Redis servers and reports what it did.

Runs inside the box, beside the service. The program and then a specification (JSON) come down
one pipe; a report (JSON) goes to the result channel. The service, although of the same uid,
cannot attach to this process or open its descriptors. What is reported was observed from outside
the service's process, but for the functions that it reached, which its own process notes.
"""
# Every import is paid for at every boot, so pathlib and tempfile are not among them.
# ruff: noqa: PTH102, PTH123

from __future__ import annotations

import json
import os
import re
import selectors
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from sandbox.inside.buses import BusError, Buses, refuse_live
from sandbox.inside.monitor import Monitor, Seen
from sandbox.inside.resp import RespError
from sandbox.inside.routes import routes
from sandbox.inside.service import Service
from sandbox.inside.shapes import FIELDS_KEPT, fields_of_key

RESULT_FD = "AUTOHEALER_RESULT_FD"
PR_SET_DUMPABLE = 4
TICK_S = 0.01
LISTEN = "0A"
SCRATCH = "/tmp/boot"
DRAIN_S = 0.3
LATE_S = 1.0
SERVERS_START_S = 0.06
"""What the start of the servers takes where nothing else is going on: the measure of a machine's load."""
SLOWEST_PACE = 4.0


def main(stream: BinaryIO) -> None:
    """Boot what the specification in `stream` asks for; the report goes to the result channel."""
    result = int(os.environ.pop(RESULT_FD))
    os.set_inheritable(result, False)
    hide()
    specification = json.load(stream)
    try:
        report = boot(specification)
    except (BusError, RespError, OSError) as error:
        report = {"problem": f"{type(error).__name__}: {error}"}
    with os.fdopen(result, "wb") as channel:
        channel.write(json.dumps(report).encode())


def hide() -> None:
    """Forbid processes of the same uid to attach to this one or to open its descriptors."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def boot(specification: dict[str, Any]) -> dict[str, Any]:
    """Start the servers, fill them, run the service to its end and report."""
    refuse_live([*specification["buses"].values(), *specification["closed_ports"]])
    scratch = f"{SCRATCH}-{os.urandom(8).hex()}"
    os.mkdir(scratch, 0o700)
    began = time.monotonic()
    buses = Buses(specification["valkey"], specification["buses"], scratch)
    try:
        buses.connect()
        pace = min(max(1.0, (time.monotonic() - began) / SERVERS_START_S), SLOWEST_PACE)
        buses.fill(specification["truth_bus"], specification["truth"], specification["values"])
        return Boot(specification, buses, scratch, pace).run()
    finally:
        buses.kill()


class Boot:
    """One run of the service: starting, then serving, then stopping."""

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
        self._started = time.monotonic()
        self._service = Service(
            specification["argv"],
            specification["env"],
            folder=specification["folder"],
            tracer=specification["tracer"],
            watched=specification["await"]["functions"],
            scratch=scratch,
        )
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
        state = self._state(alive)
        signal_name, stopped_late = None, False
        if alive:
            signal_name = self._service.stop()
            stopped_late = not self._until(lambda: not self._alive(), self._times["stop_s"])
        self._service.kill()
        self._until(lambda: self._service.pipe not in self._selector.get_map(), DRAIN_S)
        ended = {"alive": alive, "signal": signal_name, "stopped_late": stopped_late}
        return {**self._report(), **state, **ended}

    def _state(self, alive: bool) -> dict[str, list[Any]]:
        """What can only be seen while the servers hold it: before the service is stopped."""
        seen, ports = self._seen, listening(set(self._buses.ports.values()))
        held = self._buses.held_subscriptions() if alive else seen.subscriptions
        for name in sorted(seen.keys):
            bus, _, key = name.partition(":")
            if len(seen.fields) < FIELDS_KEPT:
                seen.fields.update(fields_of_key(self._buses.clients[bus], bus, key))
        return {
            "subscriptions": sorted(held | seen.patterns | seen.consumed),
            "fields": sorted(seen.fields),
            "missing": [name for name in seen.reads if not self._buses.holds(name)],
            "ports": ports,
            "routes": sorted(set(routes(ports, self._paths))),
        }

    def _start(self) -> bool:
        """Wait for the first heartbeat; False when it ended or the time was up."""
        self._until(lambda: self._beaten() or not self._alive(), self._times["heartbeat_s"])
        return self._beaten() and self._alive()

    def _serve(self) -> None:
        """Let the messages come, twice, and give what is awaited the time to happen."""
        patience = time.monotonic() + self._times["patience_s"]
        if self._messages:
            listening = [(message["bus"], message["channel"]) for message in self._messages]
            self._pause(lambda: all(self._seen.listens(*each) for each in listening), self._times["grace_s"])
            self._publish()
            self._pause(lambda: False, self._times["gap_s"] * self._pace)
            self._seen.late = True
            self._publish()
        self._pause(lambda: False, self._times["settle_s"] * self._pace)
        self._pause(self._had_awaited, patience - time.monotonic())
        self._pause(lambda: self._awaited.ran_again(*self._service.functions[1:]), LATE_S * self._pace)

    def _publish(self) -> None:
        self._service.next_round()
        for message in self._messages:
            if message["bus"] in self._buses.clients:
                self._buses.publish(message["bus"], message["channel"], message["data"])

    def _had_awaited(self) -> bool:
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


class Awaited:
    """What is worth waiting for: functions by path and name, and what the service served elsewhere."""

    def __init__(self, asked: dict[str, list[str]]) -> None:
        """`asked` has "functions" as `path:name`, "served" and "late" as expressions of `bus:name`."""
        self._functions = {(path, name) for path, _, name in (f.rpartition(":") for f in asked["functions"])}
        self._served = [re.compile(each) for each in asked["served"]]
        self._late = [re.compile(each) for each in asked["late"]]

    def met(self, functions: set[str], seen: Seen) -> bool:
        """Whether all of it has happened."""
        served = seen.keys | seen.channels | seen.subscriptions | seen.patterns | seen.consumed
        late = seen.late_keys | seen.late_channels
        return (
            self._functions <= _named(functions)
            and all(any(map(pattern.fullmatch, served)) for pattern in self._served)
            and all(any(map(pattern.fullmatch, late)) for pattern in self._late)
        )

    def ran_again(self, first: set[str], late: set[str]) -> bool:
        """Whether those that took the messages the first time took them again."""
        return self._functions & _named(first) <= _named(late)


def _named(functions: set[str]) -> set[tuple[str, str]]:
    """Functions by path and plain name, their classes left out."""
    parts = (each.partition(":") for each in functions)
    return {(path, name.rpartition(".")[2]) for path, _, name in parts}


def listening(except_for: set[int]) -> list[int]:
    """The TCP ports of this network namespace that somebody listens on."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        cells = (row.split() for row in rows)
        ports |= {int(cell[1].rpartition(":")[2], 16) for cell in cells if cell[3] == LISTEN}
    return sorted(ports - except_for)
