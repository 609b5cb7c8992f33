"""What a boot takes and what it gives: the world that a service finds, and what it did in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.node import SCRIPTS


@dataclass(frozen=True, slots=True)
class Value:
    """One Redis value: `type` and `value` as a capture holds them, `ttl` in seconds or None."""

    type: str
    value: Any
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish after the start."""

    bus: str
    channel: str
    data: str


@dataclass(frozen=True, slots=True)
class MySql:
    """A MySQL server on 127.0.0.1 that lets everybody in, with these databases, all of them empty."""

    port: int
    databases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What a service finds when it starts.

    `buses` are the URLs by name that the service will use, all on 127.0.0.1; `truth` is the
    document that `truth_bus` holds under the key `truth`, None for none; `values` are by bus and
    key; `messages` are published in order; `env` is the service's whole environment but for PATH
    and HOME. `closed_ports` are ports of live servers elsewhere: nothing may answer on them.
    `paths` are HTTP paths that are asked for. `entry_point` is run by Node where it is a script of
    its, else by Python. `mysql` is None where the service uses none. `packages` are folders that the tree
    links to.
    """

    service: str
    buses: Mapping[str, str]
    truth_bus: str
    truth: Mapping[str, Any] | None = None
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    entry_point: str = ""
    closed_ports: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()
    mysql: MySql | None = None
    packages: tuple[Path, ...] = ()

    @property
    def runtime(self) -> str:
        """What runs the entry point: "node" or "python"."""
        return "node" if self.entry_point.endswith(SCRIPTS) else "python"


@dataclass(frozen=True, slots=True)
class Waits:
    """The longest waits of a boot, in seconds; on a busy machine gap and settle are longer.

    heartbeat_s   until the first heartbeat
    grace_s       after it, until the service listens to the channels of the messages
    gap_s         between the first and the second round of messages
    settle_s      after that, always
    patience_s    from the first heartbeat on, for what is awaited and did not happen yet
    stop_s        from the signal to stop until it is killed
    """

    heartbeat_s: float = 10.0
    grace_s: float = 1.0
    gap_s: float = 0.25
    settle_s: float = 0.6
    patience_s: float = 5.0
    stop_s: float = 3.0

    @property
    def longest_s(self) -> float:
        """The most that a boot takes with all of them."""
        return self.heartbeat_s + self.grace_s + self.gap_s + self.settle_s + self.patience_s + self.stop_s


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a boot may wait for beyond its settle time.

    `functions` are `path:name`; `files` are paths, of whose functions it is noted how they end, and
    `culprit` is the qualified name of one in the first of them, of which it is noted whether it comes back;
    `served` are regular expressions of `bus:name`, and so are those of `late`, which must be served
    once the messages have come again. `fields` are of what is served, as a report has them.
    """

    functions: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    culprit: str = ""
    served: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BootReport:
    """What a service did from its start to its end.

    `output` is what it wrote until it was told to stop or ended, `shutdown_output` what came
    after. `alive` says that it still ran when it was told to stop; then `signal` is what it got,
    and `stopped_late` that it had to be killed. Keys, channels and subscriptions are `bus:name`;
    subscriptions are those held at the end (those it ever made, where it ended by itself), the
    lists and streams it waits for among them. Functions are `path:qualified name`; `ends` tell
    how awaited ones fared: that and, after a blank, the type of the exception that left them (`?` for one
    whose name is none), `->` for a return, `!` and a type for what came up in them, handled or not; of the
    culprit also `>`, it was entered, `~`, it was resumed more than once, and digests of what calls were
    given (`&`), of those that came back (`=`), and that crashed (`%`): of each part its kind, its name's
    digest and its own. `pending` says where calls of the culprit were still open
    before the stop. `blind` says why what is told of functions is not to be relied on, empty where it is.
    The messages come twice: what is late was seen after the second time,
    `first_functions` are those reached between the two. `fields` are what the JSON values of its keys and
    channels are made of, as `bus:name path`; `routes` are paths that it answers by HTTP, and `METHOD path`;
    `missing` are those of the keys it read last that are not there. `problem` says why there is no
    report.
    """

    output: str = ""
    shutdown_output: str = ""
    exit_code: int | None = None
    alive: bool = False
    signal: str | None = None
    stopped_late: bool = False
    first_heartbeat_s: float | None = None
    keys: frozenset[str] = frozenset()
    late_keys: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    late_channels: frozenset[str] = frozenset()
    subscriptions: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()
    functions: frozenset[str] = frozenset()
    first_functions: frozenset[str] = frozenset()
    late_functions: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    blind: str = ""
    fields: frozenset[str] = frozenset()
    routes: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    lacking: frozenset[str] = frozenset()
    problem: str | None = None

    @property
    def everything(self) -> str:
        """All that it wrote."""
        return self.output + self.shutdown_output
