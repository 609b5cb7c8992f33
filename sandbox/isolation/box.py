"""What a box is: the request, the answer, and what can go wrong.

BoxError              the box itself could not be started; argv never ran
SandboxUnavailable    no backend of this machine passed its probes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.process import Completed, Limits

WORK = "/work"
"""Where the tree lies inside; the box's own tmpfs."""
RESULT_FD = "AUTOHEALER_RESULT_FD"
"""Environment variable inside: the number of the descriptor that leads to `BoxRun.result`."""
RESULT_BYTES = 4 << 20
"""The most that is read from the result channel."""


class BoxError(Exception):
    """The box did not come up, so that nothing can be said about argv."""


class SandboxUnavailable(Exception):
    """No isolation passed its probes. `reports` says for each backend what stood in the way."""

    def __init__(self, reports: Mapping[str, str], advice: str) -> None:
        self.reports = dict(reports)
        self.advice = advice
        told = "; ".join(f"{name}: {report}" for name, report in self.reports.items())
        super().__init__(f"no sandbox on this machine ({told}). {advice}")


@dataclass(frozen=True, slots=True)
class Box:
    """One command in one fresh box.

    argv        what is run; argv[0] is an absolute path inside
    tree        host folder that is copied to `place` before argv starts: regular files, folders
                and symlinks, no `.git`. The box never sees the folder itself
    place       where that is, inside: an absolute path that no other part of the box lies at, in or
                above. seatbelt has a temporary folder instead, and takes none but WORK
    cwd         working directory inside; `place` where it is empty
    env         complete environment inside; PATH, HOME and LANG have defaults
    read_only   host files and folders that are visible inside at the same path, read-only, also
                where the box's uid could not reach them on the host. Not for folders that hold
                sockets: one can be connected to, read-only or not
    stdin       what argv reads
    """

    argv: tuple[str, ...]
    tree: Path | None = None
    place: str = WORK
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    stdin: bytes = b""


@dataclass(frozen=True, slots=True)
class BoxRun:
    """How argv ended, and what was written to the result channel (at most RESULT_BYTES)."""

    completed: Completed
    result: bytes


class Isolation(Protocol):
    """One way to run a box."""

    @property
    def name(self) -> str:
        """ "bubblewrap", "namespaces" or "seatbelt"."""

    def run(self, box: Box) -> BoxRun:
        """Run one box to its end.

        Raises:
            BoxError: the box did not start, or argv[0] cannot be executed in it.
        """
