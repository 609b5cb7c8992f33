"""Ways out of a box. Run inside one and, with the isolation off, beside it: `attempts.py BAIT`.

Every function returns when it got out, and raises when it was denied; each runs in a process of
its own. BAIT is a JSON object that describes what there is to reach on the host; see driver.py.
Prints {name: "escaped" | "denied ..."}. Only the standard library is used.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

X86 = platform.machine() == "x86_64"
LIBC = ctypes.CDLL(None, use_errno=True)
NEW_USER, NEW_MOUNTS, NEW_NAME = 0x10000000, 0x00020000, 0x04000000
REMOUNT, BIND, RECURSIVE, PRIVATE = 0x20, 0x1000, 0x4000, 0x40000

Bait = dict[str, Any]
ATTEMPTS: dict[str, Callable[[Bait], None]] = {}


def attempt(function: Callable[[Bait], None]) -> Callable[[Bait], None]:
    ATTEMPTS[function.__name__] = function
    return function


def call(function: str, *args: object) -> int:
    value = int(getattr(LIBC, function)(*args))
    if value < 0:
        raise OSError(ctypes.get_errno(), function)
    return value


def syscall(x86: int, arm: int, *args: object) -> int:
    return call("syscall", x86 if X86 else arm, *args)


class Denied(Exception):
    """Got through a door, but there was nothing behind it."""


def need(condition: object) -> None:
    if not condition:
        raise Denied


# Files.


@attempt
def write_outside(bait: Bait) -> None:
    Path(bait["folder"], "written").write_text("x")


@attempt
def write_to_what_is_shown_read_only(bait: Bait) -> None:
    Path(bait["shown"], "file").write_text("changed")


@attempt
def chmod_what_is_shown_read_only(bait: Bait) -> None:
    Path(bait["shown"], "file").chmod(0o4777)


@attempt
def read_private_file(bait: Bait) -> None:
    need(Path(bait["folder"], "private").read_text() == bait["marker"])


@attempt
def read_public_file_in_tmp(bait: Bait) -> None:
    need(Path(bait["folder"], "public").read_text() == bait["marker"])


@attempt
def follow_a_symlink_of_the_tree(bait: Bait) -> None:
    need(Path("link-to-public").read_text() == bait["marker"])


@attempt
def read_shadow(bait: Bait) -> None:
    need(Path("/etc/shadow").read_text())


@attempt
def read_host_names(bait: Bait) -> None:
    need(Path("/etc/hostname").read_text())


@attempt
def read_the_disk(bait: Bait) -> None:
    disks = [path for path in Path("/dev").iterdir() if stat.S_ISBLK(path.stat().st_mode)]
    need(disks)
    for disk in disks:
        try:
            os.close(os.open(disk, os.O_RDONLY))
        except OSError:
            continue
        return
    raise Denied


@attempt
def make_a_device(bait: Bait) -> None:
    path = Path(bait["marker"])
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    path.unlink()


@attempt
def change_a_kernel_setting(bait: Bait) -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@attempt
def read_kernel_devices(bait: Bait) -> None:
    need(list(Path("/sys/class").iterdir()))


@attempt
def leave_by_a_descriptor_of_the_healer(bait: Bait) -> None:
    for descriptor in range(3, 256):
        try:
            os.stat("public", dir_fd=descriptor)
        except OSError:
            continue
        return
    raise Denied


@attempt
def leave_by_the_root_of_another_process(bait: Bait) -> None:
    for process in Path("/proc").iterdir():
        try:
            (process / "root").joinpath(bait["folder"][1:], "public").read_text()
        except OSError:
            continue
        return
    raise Denied


@attempt
def open_by_file_handle(bait: Bait) -> None:
    handle = ctypes.create_string_buffer(struct.pack("=II", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    call("name_to_handle_at", -100, b"/usr", handle, ctypes.byref(mount), 0)
    folder = os.open("/usr", os.O_RDONLY)
    call("open_by_handle_at", folder, handle, os.O_RDONLY)


@attempt
def change_root(bait: Bait) -> None:
    os.chroot("/tmp")


# Processes.


@attempt
def read_a_host_environment(bait: Bait) -> None:
    for process in Path("/proc").iterdir():
        try:
            if bait["marker"].encode() in (process / "environ").read_bytes():
                return
        except OSError:
            continue
    raise Denied


@attempt
def see_host_processes(bait: Bait) -> None:
    for process in Path("/proc").iterdir():
        try:
            if b"sleep\x00" + bait["seconds"].encode() in (process / "cmdline").read_bytes():
                return
        except OSError:
            continue
    raise Denied


@attempt
def trace_a_process(bait: Bait) -> None:
    child = subprocess.Popen(["/bin/sleep", "5"])
    try:
        syscall(101, 117, 0x4206, ctypes.c_long(child.pid), None, None)
    finally:
        child.kill()
        child.wait()


@attempt
def read_another_process_by_system_call(bait: Bait) -> None:
    buffer = ctypes.create_string_buffer(b"secret")
    target = ctypes.create_string_buffer(6)
    local = struct.pack("@PN", ctypes.addressof(target), 6)
    remote = struct.pack("@PN", ctypes.addressof(buffer), 6)
    syscall(310, 270, os.getpid(), local, 1, remote, 1, 0)


@attempt
def open_the_memory_of_the_first_process(bait: Bait) -> None:
    victim = 1 if bait["inside"] else _victim()
    os.close(os.open(f"/proc/{victim}/mem", os.O_RDWR))


@attempt
def open_a_pipe_of_the_first_process(bait: Bait) -> None:
    victim = 1 if bait["inside"] else _victim()
    for descriptor in Path(f"/proc/{victim}/fd").iterdir():
        try:
            os.close(os.open(descriptor, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            continue
        return
    raise Denied


@attempt
def take_a_descriptor_of_the_first_process(bait: Bait) -> None:
    victim = 1 if bait["inside"] else _victim()
    pidfd = os.pidfd_open(victim)
    for descriptor in range(3, 32):
        if LIBC.syscall(438, pidfd, descriptor, 0) >= 0:
            return
    raise Denied


@attempt
def kill_the_first_process(bait: Bait) -> None:
    victim = 1 if bait["inside"] else _victim()
    os.kill(victim, signal.SIGKILL)
    need(not bait["inside"] or victim not in _processes())


def _processes() -> set[int]:
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}


def _victim() -> int:
    """With the isolation off: a parent of the same kind, which holds a pipe."""
    reading, _ = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reading, 1)
        os._exit(0)
    return child


# Network.


@attempt
def connect_to_a_host_port(bait: Bait) -> None:
    socket.create_connection(("127.0.0.1", bait["port"]), 2).close()


@attempt
def connect_over_ipv6(bait: Bait) -> None:
    socket.create_connection(("::1", bait["port6"]), 2).close()


@attempt
def send_a_datagram_to_the_host(bait: Bait) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.settimeout(0.3)
        plug.sendto(b"hello", ("127.0.0.1", bait["udp"]))
        need(plug.recv(16) == b"HELLO")


@attempt
def connect_to_an_abstract_socket(bait: Bait) -> None:
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect("\0" + bait["marker"])


@attempt
def connect_to_a_socket_file(bait: Bait) -> None:
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect(f"{bait['folder']}/socket")


@attempt
def connect_out(bait: Bait) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.connect((bait["address"], 9))


@attempt
def open_a_netlink_socket(bait: Bait) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()


@attempt
def open_a_packet_socket(bait: Bait) -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


# Namespaces, mounts, the kernel.


@attempt
def become_root(bait: Bait) -> None:
    os.setuid(0)


@attempt
def make_a_user_namespace(bait: Bait) -> None:
    call("unshare", NEW_USER)


@attempt
def clone_into_a_user_namespace(bait: Bait) -> None:
    flags = NEW_USER | signal.SIGCHLD
    child = syscall(56, 220, ctypes.c_ulong(flags), None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@attempt
def clone3_into_a_user_namespace(bait: Bait) -> None:
    arguments = struct.pack("=8Q", NEW_USER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    child = syscall(435, 435, arguments, ctypes.c_size_t(len(arguments)))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@attempt
def join_another_namespace(bait: Bait) -> None:
    if not bait["inside"]:
        call("unshare", NEW_USER | NEW_NAME)
    call("setns", os.open("/proc/self/ns/uts", os.O_RDONLY), 0)


@attempt
def mount_a_filesystem(bait: Bait) -> None:
    _own_mounts(bait)
    call("mount", b"none", b"/tmp", b"tmpfs", ctypes.c_ulong(0), None)


@attempt
def remount_the_system_writable(bait: Bait) -> None:
    _own_mounts(bait)
    place = bait["shown"].encode()
    if not bait["inside"]:
        call("mount", place, place, None, ctypes.c_ulong(BIND), None)
        call("mount", None, place, None, ctypes.c_ulong(REMOUNT | BIND | 1), None)
    call("mount", None, place, None, ctypes.c_ulong(REMOUNT | BIND), None)
    Path(bait["shown"], "file").write_text("changed")


@attempt
def mount_by_the_new_calls(bait: Bait) -> None:
    _own_mounts(bait)
    syscall(430, 430, b"tmpfs", 0)


@attempt
def pivot_the_root(bait: Bait) -> None:
    _own_mounts(bait)
    call("mount", b"none", b"/tmp", b"tmpfs", ctypes.c_ulong(0), None)
    Path("/tmp/old").mkdir()
    syscall(155, 41, b"/tmp", b"/tmp/old")


def _own_mounts(bait: Bait) -> None:
    # With the isolation off the attempt still must not change the host's mounts.
    if not bait["inside"]:
        call("unshare", NEW_MOUNTS if os.geteuid() == 0 else NEW_USER | NEW_MOUNTS)
        call("mount", b"none", b"/", None, ctypes.c_ulong(RECURSIVE | PRIVATE), None)


@attempt
def add_a_key_to_the_keyring(bait: Bait) -> None:
    syscall(248, 217, b"user", b"autohealer", b"x", ctypes.c_size_t(1), -2)


@attempt
def load_a_bpf_program(bait: Bait) -> None:
    attributes = struct.pack("=IIII", 2, 4, 4, 1) + bytes(112)
    syscall(321, 280, 0, attributes, ctypes.c_size_t(len(attributes)))


@attempt
def use_io_uring(bait: Bait) -> None:
    syscall(425, 425, 4, ctypes.create_string_buffer(120))


@attempt
def handle_page_faults(bait: Bait) -> None:
    syscall(323, 282, 1)


@attempt
def count_hardware_events(bait: Bait) -> None:
    attributes = struct.pack("=IIQQQQQ", 1, 112, 1, 0, 0, 0, 0x60) + bytes(64)
    syscall(298, 241, attributes, 0, -1, -1, ctypes.c_ulong(0))


@attempt
def run_a_file_that_is_only_memory(bait: Bait) -> None:
    os.close(os.memfd_create("program"))


@attempt
def keep_shared_memory_beyond_the_end(bait: Bait) -> None:
    segment = syscall(29, 194, 0, ctypes.c_size_t(4096), 0o1600)
    syscall(31, 195, segment, 0, None)


@attempt
def use_the_calls_of_another_machine(bait: Bait) -> None:
    if not X86:
        raise Denied
    # mov eax, 20 (getpid); int 0x80; ret
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    need(ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0)


@attempt
def type_into_a_terminal(bait: Bait) -> None:
    _, slave = os.openpty()
    os.setsid()
    fcntl.ioctl(slave, 0x540E, 0)
    fcntl.ioctl(slave, 0x5412, b"x")


@attempt
def call_the_crash_handler_of_the_host(bait: Bait) -> None:
    """Where the host's crash handler is a program, a core limit of 0 starts it all the same."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ValueError as error:
        raise Denied from error


@attempt
def stall_the_disks(bait: Bait) -> None:
    call("syncfs", os.open("/dev/shm", os.O_RDONLY))


@attempt
def have_a_module_loaded(bait: Bait) -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()
    except OSError as error:
        need(error.errno == errno.EPROTONOSUPPORT)


@attempt
def read_the_kernel_log(bait: Bait) -> None:
    call("klogctl", 3, ctypes.create_string_buffer(4096), 4096)


@attempt
def watch_the_whole_filesystem(bait: Bait) -> None:
    syscall(300, 262, 0, 0)


@attempt
def signal_a_host_process(bait: Bait) -> None:
    need(bait["pid"] not in (1, os.getppid(), os.getpid()))
    os.kill(bait["pid"], signal.SIGTERM)


def main(bait: str) -> None:
    outcomes = {name: outcome(function, json.loads(bait)) for name, function in ATTEMPTS.items()}
    print(json.dumps(outcomes), flush=True)


def outcome(function: Callable[[Bait], None], bait: Bait) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "broken"
        try:
            function(bait)
            said = "escaped"
        except (OSError, Denied) as error:
            said = f"denied: {error!r}"
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    os.set_blocking(reading, False)
    try:
        said = os.read(reading, 4096).decode()
    except BlockingIOError:
        said = ""
    return said or f"denied by signal {os.WTERMSIG(status)}"


if __name__ == "__main__":
    main(*sys.argv[1:])
