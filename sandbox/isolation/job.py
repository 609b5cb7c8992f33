"""What is sent into a box: the program of its first process, the job, and the tree."""
# Names in a tree are bytes.
# ruff: noqa: PTH115, PTH118, PTH123

from __future__ import annotations

import importlib.util
import marshal
import os
import platform
import resource
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from sandbox.isolation import init, seccomp
from sandbox.isolation.box import RESULT_FD, Box, BoxError
from sandbox.process import Limits

BOOT = (
    "import marshal,sys\n"
    "stream=open(int(sys.argv[1]),'rb')\n"
    "for name,code in marshal.load(stream):\n"
    " module=sys.modules[name]=type(sys)(name)\n"
    " exec(code,module.__dict__)\n"
    "module.main(stream)\n"
)
"""Runs the modules that come down the pipe; the last one has `main`."""

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
DEFAULTS = {"PATH": _PATH, "HOME": "/tmp", "LANG": "C.UTF-8"}
_SCRATCH = ("/tmp", "/dev/shm")
_SKIPPED = b".git"
_AIM_BYTES = 1 << 16
_SLACK_MB = 1024
"""What the rest of the machine may take meanwhile, before a box is held to be the cause."""
_GRACE_S = 3.0
"""By how much the first process outwaits the healer, which keeps the time as long as it can."""


def writable(box: Box) -> list[str]:
    """The box's own tmpfs: all that it can write to."""
    return [box.place, *_SCRATCH]


def program(modules: tuple[str, ...]) -> bytes:
    """The code of these modules, in their order of import, for BOOT."""
    return marshal.dumps([(name, _code(name)) for name in modules])


def _code(name: str) -> CodeType:
    spec = importlib.util.find_spec(name)
    loader: Any = spec.loader if spec else None
    code = loader.get_code(name) if loader else None
    if not isinstance(code, CodeType):
        raise BoxError(f"the code of {name} is not to be had")
    return code


def interpreter() -> Path:
    """The interpreter that runs the first process: our own one, outside any virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def stream(box: Box, code: bytes, *, status: int, result: int) -> Iterator[bytes]:
    """Everything that the first process reads, in pieces.

    Raises:
        BoxError: a file of the tree cannot be read.
    """
    job = {
        "argv": list(box.argv),
        "env": {**DEFAULTS, **box.env, RESULT_FD: str(result)},
        "cwd": box.cwd or box.place,
        "work": box.place,
        "writable": writable(box),
        "memory": box.limits.memory_mb << 20,
        "machine": (box.limits.memory_mb + len(writable(box)) * box.limits.tmpfs_mb + _SLACK_MB) << 20,
        "seconds": box.limits.wall_s + _GRACE_S,
        "limits": rlimits(box.limits),
        "filter": seccomp.program(platform.machine()),
        "status": status,
        "result": result,
    }
    yield code + marshal.dumps(job)
    if box.tree is not None:
        yield from _in_blocks(_entries(os.fsencode(box.tree), b""))
    yield marshal.dumps(None)


def rlimits(limits: Limits) -> dict[int, int]:
    """The limits as resource numbers. Memory as RLIMIT_DATA: Node reserves far more than it uses."""
    return {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_DATA: limits.memory_mb << 20,
        resource.RLIMIT_FSIZE: limits.file_mb << 20,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_MEMLOCK: 1 << 20,
    }


def _in_blocks(entries: Iterator[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for entry in entries:
        block += entry
        if len(block) >= _AIM_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _entries(folder: bytes, name: bytes) -> Iterator[bytes]:
    try:
        with os.scandir(folder) as found:
            children = list(found)
    except OSError as error:
        raise BoxError(f"the tree cannot be read: {error}") from error
    for child in children:
        if child.name == _SKIPPED:
            continue
        inside = os.path.join(name, child.name)
        if child.is_dir(follow_symlinks=False):
            yield marshal.dumps((init.FOLDER, inside, 0o755, b""))
            yield from _entries(child.path, inside)
        elif child.is_symlink():
            yield marshal.dumps((init.LINK, inside, 0, os.readlink(child.path)))
        elif child.is_file(follow_symlinks=False):
            mode, content = _read(child.path)
            yield marshal.dumps((init.FILE, inside, mode, content))


def _read(path: bytes) -> tuple[int, bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise BoxError(f"{os.fsdecode(path)} is no regular file any more")
            return (0o755 if mode & 0o100 else 0o644), file.read()
    except OSError as error:
        raise BoxError(f"the tree cannot be read: {error}") from error
