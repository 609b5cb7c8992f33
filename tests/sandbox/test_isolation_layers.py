"""Each layer by itself: the call filter, Landlock, what is shown, the probes."""

import ctypes
import json
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.isolation import (
    Box,
    BoxError,
    BoxRun,
    Isolation,
    SandboxUnavailable,
    find_isolation,
    interpreter_mounts,
    job,
    probes,
    seccomp,
    view,
)
from sandbox.isolation.bubblewrap import Bubblewrap
from sandbox.isolation.seatbelt import profile
from sandbox.process import Limits, run

ROOT = Path(__file__).parents[2]
X86, ARM, ALLOWED, KILLED = 0xC000003E, 0xC00000B7, 0x7FFF0000, 0x80000000
EPERM, ENOSYS, NO_FAMILY = 0x50001, 0x50026, 0x50061


def verdict(program: bytes, arch: int, number: int, *args: int) -> int:
    """What the kernel's filter machine would answer: the few instructions that are used."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *(args + (0,) * 6)[:6])
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        operation, true, false, value = code[at]
        at += 1
        if operation == 0x06:
            return value
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x54:
            accumulator &= value
        else:
            tests = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: accumulator & value}
            at += true if tests[operation] else false


CASES = [
    # call, x86_64, aarch64, arguments, verdict
    ("read", 0, 63, (), ALLOWED),
    ("execve", 59, 221, (), ALLOWED),
    ("ptrace", 101, 117, (), EPERM),
    ("mount", 165, 40, (), EPERM),
    ("bpf", 321, 280, (), EPERM),
    ("io_uring_setup", 425, 425, (), ENOSYS),
    ("clone3", 435, 435, (), ENOSYS),
    ("sync", 162, 81, (), EPERM),
    ("the newest call that is known", 462, 462, (), ALLOWED),
    ("open_tree_attr, newer but known", 467, 467, (), EPERM),
    ("a call newer than the list", 463, 463, (), ENOSYS),
    ("a call of the future", 600, 600, (), ENOSYS),
    ("clone for a thread", 56, 220, (0x3D0F00,), ALLOWED),
    ("clone for a process", 56, 220, (0x1200011,), ALLOWED),
    ("clone with a user namespace", 56, 220, (0x10000011,), EPERM),
    ("clone with a namespace, upper half set", 56, 220, (0xFF_20000011,), EPERM),
    ("ioctl TCGETS", 16, 29, (0, 0x5401), ALLOWED),
    ("ioctl TIOCSTI", 16, 29, (0, 0x5412), EPERM),
    ("ioctl TIOCSTI, upper half set", 16, 29, (0, 0x1_0000_5412), EPERM),
    ("socket of the internet", 41, 198, (2, 1), ALLOWED),
    ("socket of this machine", 41, 198, (1, 1), ALLOWED),
    ("netlink socket", 41, 198, (16, 3), NO_FAMILY),
    ("socket with a protocol of a module", 41, 198, (2, 1, 132), NO_FAMILY),
    ("socket with its usual protocol named", 41, 198, (10, 1, 6), ALLOWED),
    ("pair of sockets", 53, 199, (1, 1, 0), ALLOWED),
    ("setrlimit for open files", 160, 164, (7, 0x1000), ALLOWED),
    ("setrlimit for cores", 160, 164, (4, 0x1000), EPERM),
    ("prlimit that reads the core limit", 302, 261, (0, 4, 0, 0x7FFF_0000_1000), ALLOWED),
    ("prlimit that sets the core limit", 302, 261, (0, 4, 0x1000, 0), EPERM),
    ("prlimit that sets the core limit, far up", 302, 261, (0, 4, 0x7F_0000_0000, 0), EPERM),
    ("prlimit that sets open files", 302, 261, (0, 7, 0x1000, 0), ALLOWED),
    ("vsock socket", 41, 198, (40, 1), NO_FAMILY),
    ("mknodat for a FIFO", 259, 33, (0, 0, 0o010644), ALLOWED),
    ("mknodat for a file", 259, 33, (0, 0, 0o100644), ALLOWED),
    ("mknodat for a device", 259, 33, (0, 0, 0o020666), EPERM),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize(("machine", "arch", "column"), [("x86_64", X86, 1), ("aarch64", ARM, 2)])
def test_call_filter(case: tuple[object, ...], machine: str, arch: int, column: int) -> None:
    number, arguments, expected = case[column], case[3], case[4]
    assert verdict(seccomp.program(machine), arch, number, *arguments) == expected  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("machine", "arch", "number"),
    [("x86_64", 0x40000003, 20), ("x86_64", X86, 0x40000000 | 39), ("aarch64", 0x40000028, 20)],
    ids=["i386 on x86_64", "x32", "arm on aarch64"],
)
def test_call_numbers_of_another_machine_kill(machine: str, arch: int, number: int) -> None:
    assert verdict(seccomp.program(machine), arch, number) == KILLED


def test_call_numbers_are_those_of_this_machine() -> None:
    """Every refused call, by the number that this machine's own headers give it."""
    headers = [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")]
    header = next((path for path in headers if path.exists()), None)
    if header is None or os.uname().machine != "x86_64":
        pytest.skip("no kernel headers for x86_64")
    lines = (line.split() for line in header.read_text().splitlines() if line.startswith("#define __NR_"))
    known = {line[1].removeprefix("__NR_"): int(line[2]) for line in lines}
    calls = {**seccomp._DENIED, **seccomp._ABSENT}
    differ = {name: pair[0] for name, pair in calls.items() if known.get(name, pair[0]) != pair[0]}
    assert not differ
    assert len(known.keys() & calls.keys()) > 60


def test_a_machine_without_known_numbers_has_no_filter() -> None:
    with pytest.raises(ValueError, match="riscv64"):
        seccomp.program("riscv64")


LANDLOCKED = """
import ctypes, os, socket, sys
sys.path.insert(0, sys.argv[1])
from sandbox.isolation.landlock import restrict
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
os.chdir(sys.argv[2])
open("outside", "w").close()
abi = restrict(libc, [sys.argv[2] + "/inside"], ["/dev/null"])
def tried(action):
    try:
        action()
        return "done"
    except OSError as error:
        return error.strerror
plug = socket.socket(socket.AF_UNIX)
print(abi)
print(tried(lambda: open("inside/file", "w").write("x")))
print(tried(lambda: open("/dev/null", "w").write("x")))
print(tried(lambda: os.listdir("/")))
print(tried(lambda: open("outside", "w")))
print(tried(lambda: os.rename("inside/file", "file")))
print(tried(lambda: os.mkdir("folder")))
print(tried(lambda: os.unlink("outside")))
print(tried(lambda: os.kill(os.getppid(), 0)))
print(tried(lambda: plug.connect(chr(0) + sys.argv[3])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is a thing of Linux")
def test_landlock_alone(tmp_path: Path) -> None:
    libc = ctypes.CDLL(None)
    if libc.syscall(444, None, ctypes.c_size_t(0), 1) < 6:
        pytest.skip("this kernel has no Landlock of version 6")
    (tmp_path / "inside").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{tmp_path}")
        listener.listen()
        argv = [sys.executable, "-I", "-c", LANDLOCKED, str(ROOT), str(tmp_path), str(tmp_path)]
        done = run(argv, env={})
    assert done.stderr == b""
    assert done.stdout.decode().splitlines()[1:] == [
        *("done", "done", "done"),
        *("Permission denied",) * 4,
        *("Operation not permitted",) * 2,
    ]


@dataclass(frozen=True)
class Bare:
    """No isolation at all, behind the same face."""

    name: str = "bare"

    def run(self, box: Box) -> BoxRun:
        return BoxRun(run(box.argv, env=dict(box.env), stdin=box.stdin, limits=box.limits), b"")


class Networked(Bubblewrap):
    """A bubblewrap box that was given the host's network by mistake."""

    def _command(self, *args: object) -> list[str]:
        argv = super()._command(*args)  # type: ignore[arg-type]
        return [word for word in argv if word != "--unshare-net"]


@pytest.mark.skipif(sys.platform != "linux", reason="the probes of Linux")
def test_probes_name_what_leaks_without_isolation() -> None:
    found = probes.leaks(Bare())
    assert {"could write outside", "could read a private file", "could connect to a host port"} <= set(found)
    assert {"could signal a host process", "could read a host process's environment"} <= set(found)


@pytest.mark.skipif(sys.platform != "linux", reason="the probes of Linux")
def test_probes_name_a_single_leak() -> None:
    try:
        networked = Networked()
    except BoxError as error:
        pytest.skip(str(error))
    found = probes.leaks(networked)
    assert "could connect to a host port" in found
    assert not {"could write outside", "could read a private file"} & set(found)


def test_probes_pass_and_leave_nothing(isolation: Isolation) -> None:
    before = {path.name for path in Path("/tmp").glob("autohealer-*")}
    assert probes.leaks(isolation) == ()
    deadline = time.monotonic() + 10
    # Another test may be probing at the same time; what it makes goes, too.
    while left := {path.name for path in Path("/tmp").glob("autohealer-probe-*")} - before:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_where_no_box_can_be_made_nothing_is_found(isolation: Isolation) -> None:
    """Inside a box there is no second one: the search fails closed, and says how to get one."""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from sandbox.isolation import SandboxUnavailable, find_isolation
try:
    print("found", find_isolation().name)
except SandboxUnavailable as error:
    print(sorted(error.reports)); print(error)
"""
    shown = (ROOT / "sandbox", *interpreter_mounts(job.interpreter()))
    argv = (str(job.interpreter()), "-I", "-B", "-c", code)
    done = isolation.run(Box(argv=argv, read_only=shown)).completed
    told = done.stdout.decode().splitlines()
    assert told[0] == "['bubblewrap', 'namespaces']", done
    assert "user namespaces" in told[1]


def test_seatbelt_is_never_chosen_unasked() -> None:
    try:
        assert find_isolation().name != "seatbelt"
    except SandboxUnavailable as error:
        assert "seatbelt" not in error.reports


def test_seatbelt_profile_denies_by_default_and_forks_only_where_asked(tmp_path: Path) -> None:
    quoted = tmp_path / 'a "b"'
    box = Box(argv=("/bin/true",), read_only=(quoted,), limits=Limits(processes=1))
    rules = profile(box, tmp_path / "work", tmp_path / "tmp").splitlines()
    assert rules[:3] == ["(version 1)", "(deny default)", "(deny network*)"]
    assert "(allow process-fork)" not in rules
    assert 'a \\"b\\""' in "".join(rules)
    assert [rule for rule in rules if "file-write*" in rule] == [
        f'(allow file-write* (subpath "{tmp_path}/work") (subpath "{tmp_path}/tmp"))'
    ]


def test_shown_parts_keep_links_and_drop_what_is_covered(tmp_path: Path) -> None:
    (tmp_path / "real/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    parts = view.chosen([tmp_path / "link/sub", tmp_path / "real", tmp_path / "real/sub"], ())
    assert set(parts) == {
        view.Link("real", str(tmp_path / "link")),
        view.Bind(str(tmp_path / "real"), str(tmp_path / "real")),
    }
    assert view.chosen([Path("/usr/bin")], (view.Bind("/usr", "/usr"),)) == ()


def test_interpreter_mounts_of_this_environment() -> None:
    mounts = interpreter_mounts(Path(sys.executable))
    assert Path(sys.prefix) in mounts
    assert Path(json.__file__).parent.parent in mounts
    assert Path(sys.executable).resolve() in mounts
    home = Path("~").expanduser()
    assert not {Path("/"), home, *home.parents} & set(mounts)


def test_interpreter_mounts_of_something_else() -> None:
    with pytest.raises(BoxError, match="true does not start as a Python interpreter"):
        interpreter_mounts(Path("/usr/bin/true"))
