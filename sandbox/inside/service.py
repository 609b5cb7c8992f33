"""The service's own process: its output, the functions it reached, its end."""
# Every import is paid for at every boot, so pathlib and tempfile are not among them.
# ruff: noqa: PTH109, PTH123

from __future__ import annotations

import mmap
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

HEAD_KEPT = 256 * 1024
TAIL_KEPT = 512 * 1024
FUNCTIONS_KEPT = 20_000
READ_AT_ONCE = 1 << 16


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
    """The entry point, run as its start-up script runs it, with the tracer beside it."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: str,
        tracer: str,
        watched: Sequence[str],
        scratch: str,
    ) -> None:
        """Start it. `folder` is the service's folder, whose functions are noted by the code `tracer`.

        `watched` are functions as `path:name`, of which it is noted how they end, too.
        """
        self.output, self.shutdown, self.stopping = Output(), Output(), False
        self.functions: tuple[set[str], ...] = (set(), set(), set())
        self.ends: set[str] = set()
        self._round = _Round(f"{scratch}/round")
        self.trace, trace_end = os.pipe()
        os.set_blocking(self.trace, False)
        os.set_blocking(trace_end, False)
        root = os.getcwd()
        places = [part for place in watched for part in place.rsplit(":", 1)]
        settings = os.pathsep.join([str(trace_end), self._round.path, root, f"{root}/{folder}/", *places])
        self.process = subprocess.Popen(
            argv,
            env={**env, **_tracing(env, settings, tracer, scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(trace_end,),
            start_new_session=True,
        )
        os.close(trace_end)
        assert self.process.stdout is not None
        self.pipe = self.process.stdout.fileno()
        os.set_blocking(self.pipe, False)
        self._notes = b""

    def next_round(self) -> None:
        """The messages come (again): from now on functions are noted anew, in the next set."""
        self._round.next()

    def read_output(self) -> bool:
        """Take in what it wrote; False at the end of the pipe."""
        data = _read(self.pipe)
        if data:
            (self.shutdown if self.stopping else self.output).add(data)
        return data != b""

    def read_trace(self) -> bool:
        """Take in the functions that it noted; False at the end of the pipe."""
        data = _read(self.trace)
        *lines, self._notes = (self._notes + (data or b"")).split(b"\n")
        for line in lines:
            number, _, name = line.decode(errors="replace")[:500].partition(" ")
            if number in ("0", "1", "2") and len(self.functions[int(number)]) < FUNCTIONS_KEPT:
                self.functions[int(number)].add(name)
            elif number == "E" and len(self.ends) < FUNCTIONS_KEPT:
                self.ends.add(name)
        return data != b""

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


class _Round:
    """One byte that the service's process can read at no cost: how often the messages came."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "wb+") as file:
            file.write(b"\0")
            file.flush()
            self._byte = mmap.mmap(file.fileno(), 1)

    def next(self) -> None:
        self._byte[0] += 1


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; assumed where the system does not say."""
    try:
        with open(f"/proc/{pid}/status") as file:
            status = file.read()
    except OSError:
        return True
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(mask, 16) >> (number - 1) & 1)


def _tracing(env: Mapping[str, str], settings: str, tracer: str, scratch: str) -> dict[str, str]:
    with open(f"{scratch}/sitecustomize.py", "w") as file:
        file.write(tracer)
    own = env.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([scratch, own] if own else [scratch]),
        "AUTOHEALER_TRACE": settings,
    }


def _read(descriptor: int) -> bytes | None:
    """What can be read now; None when nothing can, empty at the end."""
    try:
        return os.read(descriptor, READ_AT_ONCE)
    except BlockingIOError:
        return None
