"""The box on macOS, by sandbox-exec. NOT TRIED: written without a Mac, and off unless a setting allows it.

It is weaker than the Linux boxes by design: no namespaces, so that WORK is a temporary folder of
the host's, and a process that leaves its group and is allowed to fork is found by nobody.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from sandbox.exchange import Capture, Exchange
from sandbox.isolation import job
from sandbox.isolation.box import RESULT_BYTES, RESULT_FD, WORK, Box, BoxError, BoxRun
from sandbox.process import (
    DRAIN_S,
    Completed,
    Limits,
    ProcessError,
    flooded,
    kill_group,
    pipe_of,
    run,
    start,
)

_SYSTEM = (
    "/System",
    "/usr/lib",
    "/usr/bin",
    "/usr/share",
    "/bin",
    "/Library/Frameworks",
    "/Library/Apple",
    "/private/var/db/dyld",
    "/private/var/db/timezone",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
)
_WATCH_S = 0.5


class Seatbelt:
    """Isolation by the macOS sandbox. Not tried."""

    name = "seatbelt"

    def __init__(self) -> None:
        found = shutil.which("sandbox-exec")
        if platform.system() != "Darwin" or found is None:
            raise BoxError("sandbox-exec is a thing of macOS")
        self._program = found

    def run(self, box: Box) -> BoxRun:
        """Run one box to its end. WORK in argv, cwd and env stands for the temporary folder.

        Raises:
            BoxError: the box did not start.
        """
        with tempfile.TemporaryDirectory(prefix="autohealer-box-") as name:
            top = Path(name).resolve()
            work, scratch = top / "work", top / "tmp"
            scratch.mkdir()
            if box.tree is None:
                work.mkdir()
            else:
                shutil.copytree(box.tree, work, symlinks=True, ignore=shutil.ignore_patterns(".git"))
            return self._run(box, work, scratch)

    def _run(self, box: Box, work: Path, scratch: Path) -> BoxRun:
        rules = profile(box, work, scratch)
        argv = [self._program, "-p", rules, *(_moved(word, work) for word in box.argv)]
        reading, writing = os.pipe()
        env = {**job.DEFAULTS, "HOME": str(scratch), "TMPDIR": str(scratch), **box.env}
        env = {name: _moved(value, work) for name, value in env.items()} | {RESULT_FD: str(writing)}
        began = time.monotonic()
        try:
            process = start(argv, env=env, cwd=Path(_moved(box.cwd or box.place, work)), pass_fds=(writing,))
        except ProcessError as error:
            os.close(reading)
            raise BoxError(str(error)) from error
        finally:
            os.close(writing)
        limits = box.limits
        out, err = Capture.both_ends(limits.output_bytes), Capture.both_ends(limits.output_bytes)
        result, watchdog = Capture(RESULT_BYTES), _Watchdog(process.pid, limits)
        with Exchange() as exchange:
            exchange.write(pipe_of(process.stdin), iter((box.stdin,)))
            exchange.read(os.fdopen(reading, "rb", 0), result.feed)
            exchange.read(pipe_of(process.stdout), out.feed)
            exchange.read(pipe_of(process.stderr), err.feed)
            ended = exchange.until_exit(
                process.pid,
                began + limits.wall_s,
                lambda: flooded(limits, out, err) or watchdog.bites(),
            )
            kill_group(process.pid)
            exchange.drain(time.monotonic() + DRAIN_S)
        completed = Completed(
            argv=box.argv,
            returncode=process.wait(),
            stdout=out.value,
            stderr=err.value,
            timed_out=ended == "deadline",
            truncated=out.truncated or err.truncated,
            seconds=time.monotonic() - began,
        )
        return BoxRun(completed, result.value)


class _Watchdog:
    """Adds up the resident memory of a process group, since macOS ignores RLIMIT_AS."""

    def __init__(self, group: int, limits: Limits) -> None:
        self._group, self._most_kib = str(group), limits.memory_mb << 10
        self._next = time.monotonic() + _WATCH_S

    def bites(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _WATCH_S
        told = run(["/bin/ps", "-axo", "pgid=,rss="], env={}, limits=Limits(wall_s=2)).stdout
        rows = (line.split() for line in told.decode().splitlines())
        return sum(int(row[1]) for row in rows if row[0] == self._group) > self._most_kib


def profile(box: Box, work: Path, scratch: Path) -> str:
    """The profile: everything is denied but reading what is named, and writing to the two folders."""
    readable = {*_SYSTEM, *map(str, box.read_only), str(work), str(scratch)}
    with contextlib.suppress(OSError):
        readable |= {str(path.resolve(strict=True)) for path in box.read_only}
    rules = [
        "(version 1)",
        "(deny default)",
        "(deny network*)",
        "(allow process-exec)",
        "(allow sysctl-read)",
        "(allow file-read-metadata)",
        "(allow signal (target self))",
        f"(allow file-read* {_subpaths(sorted(readable))})",
        f"(allow file-write* {_subpaths([str(work), str(scratch)])})",
        '(allow file-write-data (literal "/dev/null"))',
    ]
    if box.limits.processes > 1:
        rules.append("(allow process-fork)")
    return "\n".join(rules)


def _subpaths(paths: Iterable[str]) -> str:
    return " ".join(f'(subpath "{_quoted(path)}")' for path in paths)


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def _moved(text: str, work: Path) -> str:
    return str(work) + text[len(WORK) :] if text == WORK or text.startswith(WORK + "/") else text
