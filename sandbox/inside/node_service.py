"""A Node service's process, and the functions that it reached: V8 counts them, and is asked from outside.

The process starts with its inspector, waits until this side is connected, and holds on at its end until
the counts were taken. So nothing of ours runs in it. What its code can do about it: end the counting or
the inspector, after which less is seen than happened; and run code under another file's name, by which a
function seems to be reached that was not. So what is said of functions is a hint, as with Python. What
worker threads and child processes run is not seen.
"""
# Every import is paid for at every boot, so pathlib is not among them.
# ruff: noqa: PTH109

from __future__ import annotations

import os
import re
import select
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sandbox.inside.error_watch import ANONYMOUS, MODULE, ErrorWatch, Place, plain
from sandbox.inside.inspector import Inspector, InspectorError
from sandbox.inside.service import FUNCTIONS_KEPT, READ_AT_ONCE, TOO_MUCH, Service

FLAG = "--inspect-brk=127.0.0.1:0"
START_S = 5.0
AGAIN_S = 0.02
LOOK_EVERY_S = 0.1
_ADDRESS = re.compile(rb"Debugger listening on (ws://\S+)")
_NOT_ITS_OWN = re.compile(
    rb"^(?:Debugger listening on ws://.*|For help, see: https://nodejs\.org/\S+"
    rb"|Debugger attached\.|Waiting for the debugger to disconnect\.\.\.)\n",
    re.MULTILINE,
)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


class NodeService(Service):
    """The entry point, with V8 counting the calls of its functions."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], folder: str, watched: Sequence[str]
    ) -> None:
        """Start it and connect. `watched` are paths of files, of whose functions it is noted how they end.

        Raises:
            InspectorError: it came to no inspector.
        """
        self._folder = f"file://{os.getcwd()}/"
        self._prefix = f"{folder}/"
        self._round, self._looked, self._still = 0, 0.0, False
        self._running, self._overflown = False, False
        self._calls: Counter[Place] = Counter()
        self._errors = ErrorWatch(frozenset(watched), self._path)
        node, *rest = argv
        super().__init__([node, FLAG, *rest], env)
        try:
            self._inspector = Inspector(self._address(), self._events())
        except (InspectorError, OSError) as error:
            self.kill()
            raise InspectorError(f"{error}: {self.output.text()[-500:]}") from error
        self.own_ports = {self._inspector.port}
        self._prepare()

    def _address(self) -> str:
        """What it says first: where its inspector listens."""
        said, deadline = b"", time.monotonic() + START_S
        while (found := _ADDRESS.search(said)) is None or b"\n" not in said[found.end() :]:
            if not select.select([self.pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise InspectorError("node did not say where its inspector listens")
            data = os.read(self.pipe, READ_AT_ONCE)
            if not data:
                raise InspectorError("node ended before its inspector listened")
            said += data
        self.output.add(self.own(said))
        return found[1].decode()

    def _events(self) -> dict[str, Any]:
        return {
            "Debugger.scriptParsed": self._errors.parsed,
            "Debugger.paused": self._paused,
            "NodeRuntime.waitingForDisconnect": self._ended,
        }

    def _prepare(self) -> None:
        ask = self._inspector.ask
        ask("Profiler.enable")
        ask("Profiler.startPreciseCoverage", callCount=True, detailed=False)
        ask("NodeRuntime.enable")
        ask("NodeRuntime.notifyWhenWaitingForDisconnect", enabled=True)
        ask("Debugger.enable")
        if self._errors.watched:
            ask("Debugger.setPauseOnExceptions", state="all")
        self._run()

    def _run(self) -> None:
        """Let it run its first line. What is said before it waits for it is lost, so it is said again."""
        deadline = time.monotonic() + START_S
        while not self._running and time.monotonic() < deadline:
            self._inspector.ask("Runtime.runIfWaitingForDebugger")
            if select.select([self.trace], [], [], AGAIN_S)[0] and not self.read_trace():
                return

    @property
    def trace(self) -> int:
        """The inspector's socket."""
        return self._inspector.socket.fileno()

    @property
    def ends(self) -> set[str]:
        """The ways in which watched functions were left."""
        return self._errors.ends(self._calls)

    @property
    def blind(self) -> str:
        """Why what is told of its functions is not all."""
        return TOO_MUCH if self._overflown else ""

    @property
    def settled(self) -> bool:
        """Whether V8 has answered."""
        return not self._inspector.waiting

    @property
    def is_quiet(self) -> bool:
        """Whether it ran nothing of its own between the last two looks: what it does at its start is done."""
        if self.settled:
            self.look()
        return self._still

    def own(self, data: bytes) -> bytes:
        """The output without what Node says of its inspector."""
        return _NOT_ITS_OWN.sub(b"", data)

    def read_trace(self) -> bool:
        """Take in what the inspector tells; False when it is gone."""
        return self._inspector.read()

    def next_round(self) -> None:
        """The messages come (again): what was reached so far belongs to the round that ends."""
        self._ask_counts()
        self._round = min(self._round + 1, len(self.functions) - 1)

    def look(self) -> None:
        """Ask what was reached, unless that was asked just now."""
        if self.settled and time.monotonic() - self._looked > LOOK_EVERY_S:
            self._ask_counts()

    def leave_alone(self) -> None:
        """Errors stop it no more. Its handlers will run: a Node server often has no table of routes."""
        self.read_output()
        self.muted = True
        self._ask_counts()
        self._inspector.ask("Debugger.disable")

    def watch_again(self, alive: bool) -> None:
        """What it reached to answer is not counted; if it died of being asked, it is not heard either."""
        self.muted = not alive
        self._inspector.ask("Profiler.takePreciseCoverage")

    def stop(self) -> str:
        """Ask it to end; how functions are left on the way is not noted."""
        self._inspector.ask("Debugger.disable")
        return super().stop()

    def _ask_counts(self) -> None:
        self._looked = time.monotonic()
        self._inspector.ask("Profiler.takePreciseCoverage", partial(self._counted, self._round))

    def _counted(self, number: int, told: dict[str, Any]) -> None:
        """V8 counts anew after each time that it is asked."""
        reached, before = self.functions[number], self._calls.total()
        for script in told.get("result", ()):
            path = self._path(script["url"])
            for function in script["functions"] if path else ():
                whole = function["ranges"][0]
                self._overflown |= len(reached) >= FUNCTIONS_KEPT
                if whole["count"] and not self._overflown:
                    name = function["functionName"] or (ANONYMOUS if whole["startOffset"] else MODULE)
                    reached.add(f"{path}:{name}")
                    self._calls[path, plain(name)] += whole["count"]
        self._still = self._calls.total() == before

    def _path(self, url: str) -> str:
        """The repository path of a script of the service; empty for every other."""
        if not url.startswith(self._folder):
            return ""
        path = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), url[len(self._folder) :])
        return path if path.startswith(self._prefix) and "/node_modules/" not in path else ""

    def _paused(self, event: dict[str, Any]) -> None:
        self._running = True
        self._errors.paused(self._inspector.ask, event)

    def _ended(self, _: dict[str, Any]) -> None:
        """Its end has come, and waits for us."""
        self._running = True
        self._inspector.ask("Profiler.takePreciseCoverage", partial(self._counted_last, self._round))

    def _counted_last(self, number: int, told: dict[str, Any]) -> None:
        self._counted(number, told)
        self._inspector.disconnect()
