"""The worker's process as its supervisor sees it, and what keeps the two apart."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

ORDERS = (
    *("root", "service_dir", "trusted", "helpers", "select", "order", "calls", "plain", "apart"),
    *("ini", "plugins", "import_mode", "python_path", "warnings"),
)
"""What of a plan a worker has to know."""
_MOST_EVENTS = 48 << 20
_IMPORT_S = 30.0
_SET_DUMPABLE, _SET_DEATH_SIGNAL = 4, 1


class Worker:
    """A process that runs pytest: takes one order, says what happens, a line of JSON each."""

    def __init__(self, pid: int, orders: int, events: int) -> None:
        self.pid = pid
        self._orders = orders
        self._events = events
        self._alive = True

    @classmethod
    def start(cls, program: Sequence[str]) -> Worker:
        """A fresh interpreter: a copy of this one would know too much."""
        order_end, orders = os.pipe()
        events, event_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.set_inheritable(order_end, True)
            os.set_inheritable(event_end, True)
            os.execv(program[0], [*program, str(order_end), str(event_end)])
        os.close(order_end)
        os.close(event_end)
        return cls(pid, orders, events)

    def order(self, orders: dict[str, Any]) -> None:
        """Send the orders; a worker that is gone already will be noticed when listening."""
        rest = memoryview(json.dumps(orders).encode())
        try:
            while rest:
                rest = rest[os.write(self._orders, rest) :]
        except BrokenPipeError:
            pass
        os.close(self._orders)
        self._orders = -1

    def listen(self, heard: list[dict[str, Any]], deadline: float, test_s: float) -> str:
        """Append events until the worker is done; why it stopped talking, in words.

        test_s   seconds of silence in a test after which it counts as hung
        """
        buffer, total = bytearray(), 0
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        while True:
            began = any(event.get("e") == "start" for event in heard[-1:])
            silence = test_s if began else max(test_s, _IMPORT_S)
            patience = min(deadline - time.monotonic(), silence)
            if patience <= 0 or not poll.poll(patience * 1000):
                return f"nothing was heard for {max(patience, 0):.0f} s: it hangs"
            block = os.read(self._events, 1 << 16)
            total += len(block)
            if not block or total > _MOST_EVENTS:
                return "the test process ended in the middle" if not block else "it does not stop talking"
            buffer += block
            *lines, rest = buffer.split(b"\n")
            buffer = bytearray(rest)
            for line in lines:
                heard.append(_event(bytes(line)))
            if heard and heard[-1].get("e") == "end":
                return "done"

    def kill(self) -> None:
        """End the worker and its process group."""
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1
        if not self._alive:
            return
        self._alive = False
        for kill in (os.killpg, os.kill):
            try:
                kill(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        os.waitpid(self.pid, 0)
        os.close(self._events)


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {"e": "noise"}
    return event if isinstance(event, dict) else {"e": "noise"}


def hide(*, with_parent: bool = False) -> None:
    """Forbid processes of the same uid to attach to this one or to open its files through /proc."""
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None)
        libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
        if with_parent:
            libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
