"""Make a box out of namespaces, without any program but Python.

Runs on the host as a process of its own, in a bare interpreter (`-I -S`) with an empty
environment, and becomes the box's first process. As root it first shows what the box may see in
a mount namespace of its own and drops its uid for good; the rest is what an ordinary user does.
"""
# Only what a bare interpreter has at hand is imported.
# ruff: noqa: PTH102, PTH103, PTH110, PTH112, PTH120, PTH123, PTH211

from __future__ import annotations

import ctypes
import marshal
import os
import struct

from sandbox.isolation.init import main as first_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

_NEW_MOUNTS = 0x00020000
_NEW_ALL = 0x7E020000
"""Mount, cgroup, UTS, IPC, user, PID and network namespace."""
_BIND, _RECURSIVE, _PRIVATE, _DETACH = 0x1000, 0x4000, 0x40000, 2
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8
_ATTRIBUTES, _AT_RECURSIVE, _AT_HERE = 442, 0x8000, -100
_READ_ONLY = 1 | _NOSUID | _NODEV
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PARENT_DEATH, _DUMPABLE, _DROP_BOUND, _AMBIENT, _CLEAR_ALL, _KILL = 1, 4, 24, 47, 4, 9
_INTERFACE_UP = 0x8914
_NODES = ("null", "zero", "full", "random", "urandom", "tty")
_BASE, _OLD, _NEW = "/tmp", "/old", "/new"


def main(stream: BinaryIO) -> None:
    """Read the plan, make the box, go on as its first process; never returns."""
    plan: dict[str, Any] = marshal.load(stream)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        _with_parent(libc)
        if os.geteuid() == 0:
            _call(libc, "unshare", _NEW_MOUNTS)
            _build(libc, plan, outer=True)
            _drop_root(libc, plan["uid"])
        _enter_user_namespace(libc, plan["uid"])
        child = os.fork()
        if child == 0:
            os.setsid()
            _with_parent(libc)
            _build(libc, plan, outer=False)
            _finish(libc)
    except OSError as error:
        os.write(plan["status"], f"failed {error}\n".encode())
        os._exit(1)
    if child == 0:
        first_process(stream)
    os.closerange(0, 256)
    os.waitpid(child, 0)
    os._exit(0)


def _with_parent(libc: ctypes.CDLL) -> None:
    _call(libc, "prctl", _PARENT_DEATH, _KILL, 0, 0, 0)


def _drop_root(libc: ctypes.CDLL, uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # A change of uid clears both; the maps below are written through our own /proc entries.
    _call(libc, "prctl", _DUMPABLE, 1, 0, 0, 0)
    _with_parent(libc)


def _enter_user_namespace(libc: ctypes.CDLL, uid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call(libc, "unshare", _NEW_ALL)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    _write("/proc/self/gid_map", f"{uid} {outer_gid} 1")


def _build(libc: ctypes.CDLL, plan: dict[str, Any], *, outer: bool) -> None:
    """Make a new root out of the parts of the plan, enter it, and let go of the old one."""
    _mount(libc, "none", "/", "", _RECURSIVE | _PRIVATE)
    _mount(libc, "tmpfs", _BASE, "tmpfs", _NOSUID | _NODEV, "mode=0755")
    os.mkdir(_BASE + _OLD)
    os.mkdir(_BASE + _NEW)
    _mount(libc, _BASE + _NEW, _BASE + _NEW, "", _BIND)
    _pivot(libc, _BASE, _BASE + _OLD)
    if not outer:
        _scratch(libc, plan)
    for host, inside in plan["binds"]:
        _bind(libc, _OLD + host, _NEW + inside)
        _attributes(libc, _NEW + inside, _READ_ONLY, _AT_RECURSIVE)
    for target, inside in plan["links"]:
        os.makedirs(os.path.dirname(_NEW + inside), 0o755, exist_ok=True)
        os.symlink(target, _NEW + inside)
    if outer:
        for folder in ("/proc", "/dev"):
            _bind(libc, _OLD + folder, _NEW + folder)
        os.makedirs(_NEW + _BASE, exist_ok=True)
    else:
        _furnish(libc, plan)
    _call(libc, "umount2", _OLD.encode(), _DETACH)
    os.chdir(_NEW)
    _pivot(libc, ".", ".")
    _call(libc, "umount2", b".", _DETACH)
    os.chdir("/")


def _scratch(libc: ctypes.CDLL, plan: dict[str, Any]) -> None:
    """What may be written to: first of all, since a read-only part may lie below it."""
    _tmpfs(libc, "/dev", "size=64k,mode=0755")
    for place in plan["writable"]:
        _tmpfs(libc, place, plan["tmpfs"])


def _furnish(libc: ctypes.CDLL, plan: dict[str, Any]) -> None:
    """/proc, /dev and /etc of the box's own; then nothing of the root is writable any more."""
    os.makedirs(_NEW + "/proc")
    _mount(libc, "proc", _NEW + "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    for node in _NODES:
        if os.path.exists(f"{_OLD}/dev/{node}"):
            _bind(libc, f"{_OLD}/dev/{node}", f"{_NEW}/dev/{node}")
    os.mkdir(_NEW + "/dev/pts")
    options = "newinstance,ptmxmode=0666,mode=620"
    _mount(libc, "devpts", _NEW + "/dev/pts", "devpts", _NOSUID | _NOEXEC, options)
    os.symlink("pts/ptmx", _NEW + "/dev/ptmx")
    os.symlink("/proc/self/fd", _NEW + "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{_NEW}/dev/{name}")
    for path, text in plan["files"].items():
        os.makedirs(os.path.dirname(_NEW + path), 0o755, exist_ok=True)
        _write(_NEW + path, text, os.O_CREAT)
    _attributes(libc, _NEW + "/dev", _READ_ONLY & ~_NODEV, 0)
    _attributes(libc, _NEW, _READ_ONLY, 0)


def _finish(libc: ctypes.CDLL) -> None:
    """Loopback up, no further user namespaces, no capabilities."""
    name = b"box"
    _call(libc, "sethostname", name, ctypes.c_size_t(len(name)))
    plug = _call(libc, "socket", 2, 2, 0)
    _call(libc, "ioctl", plug, _INTERFACE_UP, struct.pack("16sH14x", b"lo", 0x41))
    os.close(plug)
    _write("/proc/sys/user/max_user_namespaces", "0")
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        _call(libc, "prctl", _DROP_BOUND, capability, 0, 0, 0)
    _call(libc, "prctl", _AMBIENT, _CLEAR_ALL, 0, 0, 0)
    _call(libc, "capset", struct.pack("=Ii", 0x20080522, 0), bytes(24))


def _tmpfs(libc: ctypes.CDLL, place: str, options: str) -> None:
    os.makedirs(_NEW + place, 0o755, exist_ok=True)
    _mount(libc, "tmpfs", _NEW + place, "tmpfs", _NOSUID | _NODEV, options)


def _bind(libc: ctypes.CDLL, source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, 0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        _write(target, "", os.O_CREAT)
    _mount(libc, source, target, "", _BIND | _RECURSIVE)


def _pivot(libc: ctypes.CDLL, new: str, old: str) -> None:
    _call(libc, "syscall", _PIVOT_ROOT[os.uname().machine], new.encode(), old.encode())
    os.chdir("/")


def _attributes(libc: ctypes.CDLL, path: str, wanted: int, flags: int) -> None:
    record = struct.pack("=QQQQ", wanted, 0, 0, 0)
    _call(libc, "syscall", _ATTRIBUTES, _AT_HERE, path.encode(), flags, record, ctypes.c_size_t(32))


def _mount(libc: ctypes.CDLL, source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _call(
        libc,
        "mount",
        source.encode(),
        target.encode(),
        kind.encode(),
        ctypes.c_ulong(flags),
        options.encode(),
    )


def _write(path: str, text: str, flags: int = 0) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o644)
    os.write(file, text.encode())
    os.close(file)


def _call(libc: ctypes.CDLL, function: str, *args: Any) -> int:
    value = int(getattr(libc, function)(*args))
    if value < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{function}: {os.strerror(code)}", str(args[0])[:80])
    return value
