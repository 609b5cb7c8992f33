"""A Python service's process, and the functions that it reached: they are noted from within."""
# Every import is paid for at every boot, so pathlib and tempfile are not among them.
# ruff: noqa: PTH109, PTH123

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence

from sandbox.inside.service import FUNCTIONS_KEPT, Service, read


class PythonService(Service):
    """The entry point with the tracer beside it."""

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

        `watched` are paths of files, of whose functions it is noted how they end, too.
        """
        self._ends: set[str] = set()
        self._notes = b""
        self._round = _Round(f"{scratch}/round")
        self._trace, trace_end = os.pipe()
        os.set_blocking(self._trace, False)
        os.set_blocking(trace_end, False)
        root = os.getcwd()
        settings = os.pathsep.join([str(trace_end), self._round.path, root, f"{root}/{folder}/", *watched])
        super().__init__(argv, {**env, **_tracing(env, settings, tracer, scratch)}, pass_fds=(trace_end,))
        os.close(trace_end)

    @property
    def trace(self) -> int:
        """The end of the pipe to which the tracer writes."""
        return self._trace

    @property
    def ends(self) -> set[str]:
        """The ways in which watched functions were left."""
        return self._ends

    def next_round(self) -> None:
        """The messages come (again)."""
        self._round.next()

    def read_trace(self) -> bool:
        """Take in the functions that it noted; False at the end of the pipe."""
        data = read(self._trace)
        *lines, self._notes = (self._notes + (data or b"")).split(b"\n")
        for line in lines:
            number, _, name = line.decode(errors="replace")[:500].partition(" ")
            if number in ("0", "1", "2") and len(self.functions[int(number)]) < FUNCTIONS_KEPT:
                self.functions[int(number)].add(name)
            elif number == "E" and not self.stopping and len(self._ends) < FUNCTIONS_KEPT:
                self._ends.add(name)
        return data != b""


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


def _tracing(env: Mapping[str, str], settings: str, tracer: str, scratch: str) -> dict[str, str]:
    with open(f"{scratch}/sitecustomize.py", "w") as file:
        file.write(tracer)
    own = env.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([scratch, own] if own else [scratch]),
        "AUTOHEALER_TRACE": settings,
    }
