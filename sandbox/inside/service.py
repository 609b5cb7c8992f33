"""The service's own process, whatever runs it: its output, its end."""
# Every import is paid for at every boot, so pathlib is not among them.
# ruff: noqa: PTH123

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

HEAD_KEPT = 256 * 1024
TAIL_KEPT = 512 * 1024
FUNCTIONS_KEPT = 20_000
READ_AT_ONCE = 1 << 16
TOO_MUCH = "more functions ran, or were left in more ways, than are kept"


class Output:
    """Everything that was written, with the middle dropped once it is too much."""

    def __init__(self) -> None:
        """Nothing was written yet."""
        self._head, self._tail, self.dropped = b"", b"", 0

    def add(self, data: bytes) -> None:
        """Take in what was written."""
        room = HEAD_KEPT - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room < len(data) else b""
        if (excess := len(self._tail) - TAIL_KEPT) > TAIL_KEPT // 4:
            self._tail, self.dropped = self._tail[excess:], self.dropped + excess

    def text(self) -> str:
        """What was kept; a line says how much was dropped."""
        gap = b"\n[... %d bytes of output dropped ...]\n" % self.dropped if self.dropped else b""
        return (self._head + gap + self._tail).decode(errors="replace")


class Service:
    """The entry point, run as its start-up script runs it. What looks into it is the runtime's own."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], pass_fds: tuple[int, ...] = ()) -> None:
        """Start it."""
        self.output, self.shutdown, self.stopping, self.muted = Output(), Output(), False, False
        self.own_ports: set[int] = set()
        self.functions: tuple[set[str], ...] = (set(), set(), set())
        self.process = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.pipe = self.process.stdout.fileno()
        os.set_blocking(self.pipe, False)

    @property
    def trace(self) -> int:
        """The descriptor from which `read_trace` reads."""
        raise NotImplementedError

    @property
    def ends(self) -> set[str]:
        """The ways in which watched functions were left: `path:name`, a blank, and how."""
        raise NotImplementedError

    @property
    def all_told(self) -> bool:
        """Whether all that is noted of its functions has come."""
        return True

    @property
    def blind(self) -> str:
        """Why what is told of its functions is not all, or not true; empty where nothing tells against it."""
        return ""

    @property
    def pending(self) -> set[str]:
        """Where calls of the culprit have been open for a while."""
        return set()

    def read_trace(self) -> bool:
        """Take in what is told of the functions that it reached; False when there is no more."""
        raise NotImplementedError

    def next_round(self) -> None:
        """The messages come (again): from now on functions are noted anew, in the next set."""
        raise NotImplementedError

    def look(self) -> None:
        """Have the functions that it reached told, where they are not told by themselves."""

    def leave_alone(self) -> None:
        """It is asked for its routes now and must not wait for us; while `muted`, its output is left out."""

    def watch_again(self, alive: bool) -> None:
        """It was asked for its routes, and is still alive or not."""

    @property
    def settled(self) -> bool:
        """Whether all that was reached before `next_round` or `look` has been told."""
        return True

    @property
    def is_quiet(self) -> bool:
        """Whether what it does at its start is done, as far as that can be told."""
        return True

    def read_output(self) -> bool:
        """Take in what it wrote; False at the end of the pipe."""
        data = read(self.pipe)
        if data and not self.muted:
            (self.shutdown if self.stopping else self.output).add(self.own(data))
        return data != b""

    def own(self, data: bytes) -> bytes:
        """What the service itself wrote of the output."""
        return data

    def stop(self) -> str:
        """Ask it to end, as its start-up script would; returns the name of the signal.

        A process that does not catch SIGTERM dies of it without a word. SIGINT lets such a Python
        program unwind, and with it come the errors of its tasks.
        """
        self.stopping = True
        chosen = signal.SIGTERM if catches(self.process.pid, signal.SIGTERM) else signal.SIGINT
        self.process.send_signal(chosen)
        return chosen.name

    def kill(self) -> None:
        """End it and whatever it started in its session."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()
        self.process.wait()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; assumed where the system does not say."""
    try:
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
    except OSError:
        return True
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(mask, 16) >> (number - 1) & 1)


def read(descriptor: int) -> bytes | None:
    """What can be read now; None when nothing can, empty at the end."""
    try:
        return os.read(descriptor, READ_AT_ONCE)
    except BlockingIOError:
        return None
