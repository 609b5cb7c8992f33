"""The box's first process: it closes the last doors, starts argv, and takes the box down with it.

It runs inside, in a bare interpreter (`-I -S`), and is sent there by value, so that nothing of
the healer's own files is mounted. What it needs to know comes through one pipe:

    {...}                              the job
    (kind, path, mode, content) ...    the tree, entry by entry
    None                               the end of the tree
    end-of-file                        the healer is gone: the box goes too

What it says, a line each, on the status pipe:

    ready           argv is about to start
    failed WHY      the box could not be made, or argv[0] cannot be executed
    exit STATUS     argv's wait status
    killed WHY      the box used more memory than it may
    overdue         argv outlived its deadline by far: the healer is stopped or stuck
    alone           the healer is gone
"""
# Only what a bare interpreter has at hand is imported.
# ruff: noqa: PTH102, PTH118, PTH123, PTH208, PTH211

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import select
import sys
import time

from sandbox.isolation.landlock import restrict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

FILE, FOLDER, LINK = 0, 1, 2
_SET_DUMPABLE, _SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 4, 38, 22, 2
_DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/pts"]
_TICK_MS = 100
_SPARE = 128 << 20
"""Where the whole machine has less memory than this, the box is given up."""
_IGNORED_SIGNALS = (1, 2, 3, 13, 15, 25)
"""What a Python start-up (SIGPIPE, SIGXFSZ), nohup or a background job ignores, and argv would inherit."""


def main(stream: BinaryIO) -> None:
    """Take the job from `stream` and see it through; never returns."""
    job: dict[str, Any] = marshal.load(stream)
    os.set_inheritable(stream.fileno(), False)
    os.set_inheritable(job["status"], False)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        _close_others({stream.fileno(), job["status"], job["result"]})
        _offer_to_oom_killer()
        _unpack(stream, job["work"])
        # At 1 a crash in here starts no crash handler of the host's; at 0 it would. The filter keeps it so.
        _limit({resource.RLIMIT_CORE: 1})
        _prctl(libc, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _filter_calls(libc, job["filter"])
        # Of the same uid as argv, this process must not be opened through /proc.
        _prctl(libc, _SET_DUMPABLE, 0, 0, 0, 0)
        bounds = _Bounds(job)
        child = os.fork() or _become_argv(libc, job)
    except (OSError, EOFError) as error:
        _say(job["status"], f"failed {error}")
        os._exit(1)
    os.close(job["result"])
    os.closerange(0, 3)
    _say(job["status"], _wait(child, stream.fileno(), bounds))
    os._exit(0)


def _become_argv(libc: ctypes.CDLL, job: dict[str, Any]) -> int:
    try:
        os.chdir(job["cwd"])
        restrict(libc, job["writable"], _DEVICES)
        _limit(job["limits"])
        for number in _IGNORED_SIGNALS:
            libc.signal(number, None)
        _say(job["status"], "ready")
        os.execve(job["argv"][0], job["argv"], job["env"])
    finally:
        _say(job["status"], f"failed {sys.exc_info()[1]}")
        os._exit(127)


def _wait(child: int, lifeline: int, bounds: _Bounds) -> str:
    """Reap until argv has ended, the healer is gone or a bound is reached; what to say of it."""
    watch = select.poll()
    watch.register(lifeline, 0)
    watch.register(os.pidfd_open(child), select.POLLIN)
    while True:
        events = watch.poll(_TICK_MS)
        status = _reap(child)
        if status is not None:
            return f"exit {status}"
        if any(descriptor == lifeline for descriptor, _ in events):
            return "alone"
        if not events and (why := bounds.reached()):
            return why


def _reap(child: int) -> int | None:
    found = None
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return found
            if pid == child:
                found = status
    except ChildProcessError:
        return found


class _Bounds:
    """What the kernel does not hold a whole box to: its memory, all in all, and its time."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._memory, self._machine = job["memory"], job["machine"]
        self._free = _free()
        self._end = time.monotonic() + job["seconds"]

    def reached(self) -> str | None:
        """Why the box must go now, if it must."""
        held = sum(_held(name) for name in os.listdir("/proc") if name.isdigit())
        if held > self._memory:
            return f"killed its processes held {held >> 20} MiB, more than {self._memory >> 20} MiB"
        # Memory that the kernel holds for a process, as in full sockets, is counted nowhere else.
        free = _free()
        if free < _SPARE or self._free - free > self._machine:
            return f"killed the machine has {free >> 20} MiB left, of {self._free >> 20} MiB before"
        return "overdue" if time.monotonic() > self._end else None


def _free() -> int:
    return _kibibytes("/proc/meminfo", (b"MemAvailable:",)) << 10


def _held(pid: str) -> int:
    return _kibibytes(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:")) << 10


def _kibibytes(path: str, fields: tuple[bytes, ...]) -> int:
    try:
        with open(path, "rb") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith(fields))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _unpack(stream: BinaryIO, work: str) -> None:
    root = os.fsencode(work)
    while (entry := marshal.load(stream)) is not None:
        kind, name, mode, content = entry
        path = os.path.join(root, name)
        if kind == FOLDER:
            _make_folder(path)
        elif kind == LINK:
            os.symlink(content, path)
        else:
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
            _write(target, content)
            os.close(target)


def _make_folder(path: bytes) -> None:
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        return


def _write(target: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(target, rest) :]


def _limit(limits: dict[int, int]) -> None:
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (ceiling, ceiling))


def _offer_to_oom_killer() -> None:
    try:
        target = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        return
    os.write(target, b"1000")
    os.close(target)


def _filter_calls(libc: ctypes.CDLL, program: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    _prctl(libc, _SET_SECCOMP, _FILTER, ctypes.byref(Program(len(program) // 8, program)), 0, 0)


def _prctl(libc: ctypes.CDLL, option: int, *args: Any) -> None:
    values = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in args]
    if libc.prctl(option, *values) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")


def _close_others(keep: set[int]) -> None:
    before = 2
    for descriptor in [*sorted(keep), 4096]:
        os.closerange(before + 1, descriptor)
        before = descriptor


def _say(status: int, text: str) -> None:
    os.write(status, text.replace("\n", " ").encode() + b"\n")
