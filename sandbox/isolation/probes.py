"""Real denials, at every start: what a box must refuse is tried in one, and seen to work outside it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.isolation import job
from sandbox.isolation.box import Box, BoxError, Isolation
from sandbox.isolation.interpreter import interpreter_mounts
from sandbox.process import Limits, run

_ATTEMPTS = Path(__file__).with_name("attempts.py")
_LIMITS = Limits(wall_s=10)
_SIGNAL = "signal a host process"
_EVERYONE = {
    "write outside",
    "read a private file",
    "read a public file",
    "connect to a host port",
    _SIGNAL,
}
_LINUX = {"connect to a host abstract socket", "read a host process's environment"}
_FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class _Bait:
    """What is worth reaching on the host, made for the purpose."""

    folder: Path
    port: int
    abstract: str
    pid: int

    def argv(self, place: str) -> tuple[str, ...]:
        source = _ATTEMPTS.read_text(encoding="utf-8") + f"print({_FINISHED!r})\n"
        python = (str(job.interpreter()), "-I", "-S", "-c", source)
        return (*python, str(self.folder), str(self.port), self.abstract, str(self.pid), place)


def leaks(isolation: Isolation) -> tuple[str, ...]:
    """What got out of a box, or could not be tried; empty when the isolation holds.

    Raises:
        BoxError: no box came up at all.
    """
    with _bait() as bait:
        inside = _attempt_inside(isolation, bait)
        # Inside, the number may be another process's: what counts is what came of ours.
        inside -= {_SIGNAL} if _is_alive(bait.pid) else set()
        outside = _attempt_outside(bait)
    found = [f"could {name}" for name in sorted(inside - {_FINISHED})]
    if _FINISHED not in inside:
        found.append("the probes did not run to their end")
    expected = _EVERYONE | (_LINUX if sys.platform == "linux" else set())
    found += [f"not even outside one could {name}" for name in sorted(expected - outside)]
    return tuple(found)


def _attempt_inside(isolation: Isolation, bait: _Bait) -> set[str]:
    mounts = interpreter_mounts(job.interpreter())
    done = isolation.run(Box(argv=bait.argv("inside"), cwd="/", read_only=mounts, limits=_LIMITS)).completed
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip()[-300:]
        raise BoxError(f"the probes failed with {done.returncode}: {told}")
    return set(done.stdout.decode().splitlines())


def _attempt_outside(bait: _Bait) -> set[str]:
    done = run(bait.argv("outside"), env={}, limits=_LIMITS)
    with contextlib.suppress(FileNotFoundError, PermissionError):
        Path("/tmp", bait.abstract).unlink()
    return set(done.stdout.decode().splitlines())


@contextlib.contextmanager
def _bait() -> Iterator[_Bait]:
    marker = f"autohealer-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="autohealer-probe-")).resolve()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "private").write_text(marker)
        (folder / "private").chmod(0o600)
        (folder / "public").write_text(marker)
        folder.chmod(0o755)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        if sys.platform == "linux":
            abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
            abstract.bind("\0" + marker)
            abstract.listen()
        sleeper = subprocess.Popen([shutil.which("sleep") or "sleep", "60"], env={"AUTOHEALER_PROBE": marker})
        stack.callback(_end, sleeper)
        yield _Bait(folder, listener.getsockname()[1], marker, sleeper.pid)


def _is_alive(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
