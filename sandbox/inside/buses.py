"""The Redis servers of a boot: started together, filled, killed."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.inside.resp import Argument, Client

START_S = 5.0
LEAST_TTL_S = 600.0


class BusError(Exception):
    """The servers could not be started, or something else answers on their ports."""


def refuse_live(ports: Sequence[int]) -> None:
    """Make sure that nobody answers on ports that must be free: what answers could be live.

    Raises:
        BusError: something accepted a connection.
    """
    for port in ports:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise BusError(f"something already answers on port {port} inside the box")


class Buses:
    """One server for each bus, by name; nothing is kept on disk."""

    def __init__(self, binary: str, ports: Mapping[str, int], folder: str) -> None:
        """Start them all, in an empty folder; `connect` waits for them."""
        self.ports = dict(ports)
        self._folder = folder
        self._servers = {port: self._start(binary, port) for port in ports.values()}
        self.clients: dict[str, Client] = {}

    def _start(self, binary: str, port: int) -> subprocess.Popen[bytes]:
        options = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self._folder}
        argv = [binary, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)

    def connect(self) -> None:
        """Wait until every server answers.

        Raises:
            BusError: one ended, or did not answer within five seconds.
        """
        for name, port in self.ports.items():
            self.clients[name] = self._client(name, port)

    def _client(self, name: str, port: int) -> Client:
        deadline = time.monotonic() + START_S
        while True:
            try:
                return Client(port)
            except OSError as error:
                if self._servers[port].poll() is not None or time.monotonic() > deadline:
                    raise BusError(f"the server of {name} did not start on port {port}: {error}") from error
            time.sleep(0.001)

    def fill(self, truth_bus: str, truth: Any, values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Load the captured values, and Truth on top of them."""
        for bus, keys in values.items():
            if bus in self.clients:
                self.clients[bus].pipeline(
                    [command for key, value in keys.items() for command in _load(key, value)]
                )
        if truth is not None:
            self.clients[truth_bus].call("SET", "truth", json.dumps(truth))

    def publish(self, bus: str, channel: str, data: str) -> None:
        """Publish one captured message."""
        self.clients[bus].call("PUBLISH", channel, data)

    def held_subscriptions(self) -> set[str]:
        """The channels that somebody is subscribed to now, as `bus:channel`."""
        held = set()
        for bus, client in self.clients.items():
            for channel in client.call("PUBSUB", "CHANNELS") or []:  # type: ignore[union-attr]
                held.add(f"{bus}:{channel.decode(errors='replace')}")  # type: ignore[union-attr]
        return held

    def holds(self, name: str) -> bool:
        """Whether a key, given as `bus:key`, exists."""
        bus, _, key = name.partition(":")
        return self.clients[bus].call("EXISTS", key) == 1

    def kill(self) -> None:
        """End the servers at once: they hold nothing worth an orderly shutdown."""
        for client in self.clients.values():
            client.close()
        for server in self._servers.values():
            server.kill()
        for server in self._servers.values():
            server.wait()


def _load(key: str, value: Mapping[str, Any]) -> list[list[Argument]]:
    """The commands that restore one captured value."""
    held = value["value"]
    commands: list[list[Argument]]
    match value["type"]:
        case "string":
            commands = [["SET", key, held]]
        case "hash":
            commands = [["HSET", key, *(part for pair in held.items() for part in pair)]] if held else []
        case "list":
            commands = [["RPUSH", key, *held]] if held else []
        case "set":
            commands = [["SADD", key, *held]] if held else []
        case "zset":
            commands = [["ZADD", key, *(part for member, score in held for part in (score, member))]]
        case "stream":
            commands = [
                ["XADD", key, entry, *(p for f in fields.items() for p in f)] for entry, fields in held
            ]
        case other:
            raise BusError(f"a captured value of the unknown type {other!r}")
    if value.get("ttl") is not None and commands:
        commands.append(["PEXPIRE", key, int(max(float(value["ttl"]), LEAST_TTL_S) * 1000)])
    return commands
