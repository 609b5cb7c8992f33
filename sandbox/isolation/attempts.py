"""What code in a box would try: run inside by the probes, and outside to see that it can succeed.

Arguments: a folder of the host that is not mounted, a TCP port and the name of an abstract unix
socket that listen on the host, and a process of the host. Each attempt that succeeds prints its
name on a line of its own.
"""
# ruff: noqa: T201

from __future__ import annotations

import ctypes
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

_NEW_USER = 0x10000000
_REMOUNT_BIND = 0x20 | 0x1000


def main(bait: str, port: str, abstract: str, pid: str, place: str) -> None:
    """Try everything; `place` is "inside" or "outside"."""
    attempts: dict[str, Callable[[], object]] = {
        "write outside": lambda: Path(bait, f"written-{place}").write_text("x"),
        "read a private file": lambda: Path(bait, "private").read_text(),
        "read a public file": lambda: Path(bait, "public").read_text(),
        "read /etc/shadow": lambda: Path("/etc/shadow").read_text(),
        "connect to a host port": lambda: _connect(socket.AF_INET, ("127.0.0.1", int(port))),
        "connect to a host abstract socket": lambda: _connect(socket.AF_UNIX, "\0" + abstract),
        "read a host process's environment": lambda: _find_environment(abstract),
        "make a device": lambda: os.mknod(f"/tmp/{abstract}", stat.S_IFCHR, os.makedev(1, 5)),
        "signal a host process": lambda: _terminate(int(pid)),
        "make a user namespace": lambda: _libc_call("unshare", _NEW_USER),
    }
    if place == "inside":
        attempts["remount the system writable"] = lambda: _libc_call(
            "mount", None, b"/usr", None, ctypes.c_ulong(_REMOUNT_BIND), None
        )
    for name, attempt in attempts.items():
        try:
            attempt()
        except (OSError, LookupError):
            continue
        print(name, flush=True)


def _connect(family: int, address: tuple[str, int] | str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as plug:
        plug.settimeout(2)
        plug.connect(address)


def _find_environment(marker: str) -> None:
    for process in Path("/proc").iterdir():
        try:
            if f"AUTOHEALER_PROBE={marker}".encode() in (process / "environ").read_bytes():
                return
        except OSError:
            continue
    raise LookupError(marker)


def _terminate(pid: int) -> None:
    if pid == os.getpid():
        raise LookupError("inside, this number is our own")
    os.kill(pid, 15)


def _libc_call(function: str, *args: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*args) != 0:
        raise OSError(ctypes.get_errno(), function)


if __name__ == "__main__":
    main(*sys.argv[1:])
