"""What the service did on its buses, from the servers' own MONITOR: the service cannot leave it out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sandbox.inside.resp import Client
from sandbox.inside.shapes import FIELDS_KEPT, fields

READ_AT_ONCE = 1 << 20
LINE_KEPT = 1 << 14

LINE = re.compile(rb"^\+[\d.]+ \[\d+ ([^\]]*)\] (.*)$", re.DOTALL)
ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.DOTALL)
ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}

FIRST_KEY = re.compile(
    r"P?SETEX|SET(NX|RANGE|BIT)?|GETSET|APPEND|BITFIELD|(IN|DE)CR(BY(FLOAT)?)?|H(M?SET|SETNX|INCRBY(FLOAT)?)"
    r"|[LR]PUSHX?|LSET|LINSERT|SADD|Z(ADD|INCRBY)|XADD|PFADD|GEOADD|[SZ](UNION|INTER|DIFF|RANGE)STORE"
)
"""Commands that write, and whose first argument is the key that they write."""
READS = re.compile(
    r"(M|HM?)?GET(ALL|EX)?|LRANGE|LINDEX|SMEMBERS|Z(REV)?RANGE(BYSCORE)?|X(REV)?RANGE|H(KEYS|VALS)"
)
READS_KEPT = 3
WAITS_FOR = re.compile(r"B[LR]POP|BZPOP(MIN|MAX)")


class Seen:
    """What was seen so far, each as `bus:name`. Late is what was seen since the messages came again."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.keys: set[str] = set()
        self.channels: set[str] = set()
        self.subscriptions: set[str] = set()
        self.patterns: set[str] = set()
        self.consumed: set[str] = set()
        self.fields: set[str] = set()
        self.reads: list[str] = []
        self.late_keys: set[str] = set()
        self.late_channels: set[str] = set()
        self.late = False

    def listens(self, bus: str, channel: str) -> bool:
        """Whether the service subscribed to a channel, by name or by pattern."""
        name = f"{bus}:{channel}"
        return name in self.subscriptions or any(_matches(each, name) for each in self.patterns)


class Monitor:
    """A MONITOR connection to one bus; `ours` says which client addresses are the supervisor's."""

    def __init__(self, bus: str, port: int, seen: Seen, ours: Callable[[bytes], bool]) -> None:
        """Start to watch; the service's process must not have been started yet."""
        self._bus, self._seen, self._ours = bus, seen, ours
        self._client = Client(port)
        self._client.call("MONITOR")
        self.socket = self._client.socket
        self.socket.setblocking(False)
        self._rest = b""

    def read(self) -> bool:
        """Take in what has come; False once the server is gone."""
        try:
            data = self.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        self._rest = self._rest if len(self._rest) <= LINE_KEPT else self._rest[:LINE_KEPT]
        for line in lines:
            self._take(line[:LINE_KEPT])
        return bool(data)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _take(self, line: bytes) -> None:
        matched = LINE.match(line)
        if matched is None or self._ours(matched[1]):
            return
        words = [_unescaped(word) for word in ARGUMENT.findall(matched[2])]
        if words:
            self._note(words[0].upper(), words[1:])

    def _note(self, command: str, rest: list[str]) -> None:
        seen = self._seen
        if command in ("PUBLISH", "SPUBLISH"):
            self._add(seen.channels, seen.late_channels, rest[:1])
            if len(seen.fields) < FIELDS_KEPT:
                seen.fields.update(fields(f"{self._bus}:{rest[0]}", rest[-1]))
        elif READS.fullmatch(command):
            self._read(rest if command == "MGET" else rest[:1])
        elif FIRST_KEY.fullmatch(command):
            self._add(seen.keys, seen.late_keys, rest[:1])
        elif command in ("MSET", "MSETNX"):
            self._add(seen.keys, seen.late_keys, rest[::2])
        elif command in ("SUBSCRIBE", "SSUBSCRIBE"):
            self._add(seen.subscriptions, set(), rest)
        elif command == "PSUBSCRIBE":
            self._add(seen.patterns, set(), rest)
        else:
            self._add(seen.consumed, set(), list(_consumed(command, rest)))

    def _read(self, keys: list[str]) -> None:
        named = [f"{self._bus}:{key}" for key in keys]
        earlier = [name for name in self._seen.reads if name not in named]
        self._seen.reads = [*earlier, *named][-max(READS_KEPT, len(named)) :]

    def _add(self, ever: set[str], late: set[str], names: list[str]) -> None:
        named = {f"{self._bus}:{name}" for name in names}
        ever |= named
        if self._seen.late:
            late |= named


def _consumed(command: str, rest: list[str]) -> Iterator[str]:
    """The lists and streams that a blocking or stream read waits for."""
    if WAITS_FOR.fullmatch(command):
        yield from rest[:-1]
    elif command in ("XREAD", "XREADGROUP"):
        upper = [word.upper() for word in rest]
        named = rest[upper.index("STREAMS") + 1 :] if "STREAMS" in upper else []
        yield from named[: len(named) // 2]


def _matches(pattern: str, name: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, name, re.DOTALL) is not None


def _unescaped(word: bytes) -> str:
    def plain(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 16)]) if found[1] else ESCAPED.get(found[2], found[2])

    return ESCAPE.sub(plain, word).decode(errors="replace")
