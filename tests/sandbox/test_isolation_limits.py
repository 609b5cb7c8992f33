"""A box that does its worst: it ends in time, whole, and the next one does not notice."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.isolation import Box, Isolation
from sandbox.process import Limits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the boxes of Linux")

PYTHON = "/usr/bin/python3"
ROOT = Path(__file__).parents[2]
SMALL = Limits(wall_s=8, memory_mb=150, processes=30, file_mb=8, tmpfs_mb=16, output_bytes=10_000)

DAEMON = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork(): {parent}
os.setsid()
if os.fork(): os._exit(0)
print("daemon", flush=True)
time.sleep(300)  # {marker}
"""

HEALER = """
import sys
from sandbox.isolation import Box
from sandbox.isolation.{name} import {kind}
from sandbox.process import Limits
print("up", flush=True)
code = "import time; time.sleep(300)  # {marker}"
{kind}().run(Box(argv=({python!r}, "-I", "-S", "-c", code), limits=Limits(wall_s={wall_s})))
"""


def python(code: str, limits: Limits = SMALL) -> Box:
    return Box(argv=(PYTHON, "-I", "-S", "-c", code), limits=limits)


@pytest.fixture
def marker() -> str:
    """A word by which the processes of one test are found on the host."""
    return f"autohealer-test-{random.SystemRandom().getrandbits(64):x}"


def alive(marker: str) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and marker.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


def gone_within(marker: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(marker):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(autouse=True)
def next_run_is_unaffected(backend: Isolation) -> object:
    """Whatever a test did: the next box comes up, works and is quick."""
    yield
    done = backend.run(
        python("import os; os.fork() or os._exit(0); print(len(bytearray(50 << 20)))")
    ).completed
    assert done.stdout == b"52428800\n"
    assert done.seconds < 5


@pytest.mark.parametrize("parent", ["time.sleep(300)", "os._exit(7)"])
def test_daemons_end_with_the_box(backend: Isolation, marker: str, parent: str) -> None:
    """setsid, double fork, SIGTERM ignored, the pipe held: at the deadline, or when argv is done."""
    began = time.monotonic()
    done = backend.run(python(DAEMON.format(parent=parent, marker=marker), Limits(wall_s=0.5))).completed
    assert time.monotonic() - began < 1.5
    assert done.timed_out == ("sleep" in parent)
    assert done.returncode == (-9 if done.timed_out else 7)
    assert gone_within(marker, 1)


def in_the_box(marker: str) -> list[str]:
    """The process that a healer of `healer` runs in its box, seen from the host."""
    return alive(f"{PYTHON}\0-I\0-S\0-c\0import time; time.sleep(300)  # {marker}")


@contextmanager
def healer(backend: Isolation, marker: str, wall_s: float = 60) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that runs a box, and that is killed at the latest when the test is done."""
    code = HEALER.format(
        name=backend.name, kind=type(backend).__name__, marker=marker, python=PYTHON, wall_s=wall_s
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.stdout.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_box_is_nobody_and_dies_with_a_healer_that_is_killed(backend: Isolation, marker: str) -> None:
    with healer(backend, marker):
        deadline = time.monotonic() + 10
        while not (inside := in_the_box(marker)):
            assert time.monotonic() < deadline, "the box never came up"
            time.sleep(0.02)
        assert len(inside) == 1
        status = Path("/proc", inside[0], "status").read_text()
        uid = re.search(r"^Uid:\s(\d+)", status, re.MULTILINE)
        assert uid is not None
        assert int(uid[1]) == (os.geteuid() or 65534), "on the host it is nobody, or the healer's user"
    assert gone_within(marker, 1)


@pytest.mark.slow
def test_the_box_dies_with_a_healer_that_is_killed_while_it_starts(backend: Isolation, marker: str) -> None:
    for delay_ms in range(0, 60, 2):
        with healer(backend, marker):
            time.sleep(delay_ms / 1000)
        assert gone_within(marker, 1), f"killed after {delay_ms} ms"
    assert not leftover_boxes()


def leftover_boxes() -> list[str]:
    """Programs that make boxes and have no healer any more."""
    words = (b"bwrap\0", b"module.main(stream)")
    found = []
    for process in Path("/proc").iterdir():
        try:
            parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if parent == "1" and any(word in (process / "cmdline").read_bytes() for word in words):
                found.append(process.name)
        except (OSError, IndexError):
            continue
    return found


def test_output_flood(backend: Isolation) -> None:
    done = backend.run(python("while True: print('x' * 100_000)")).completed
    assert done.truncated
    assert len(done.stdout) == SMALL.output_bytes
    assert not done.timed_out
    assert done.returncode == -9


def test_fork_bomb(backend: Isolation, marker: str) -> None:
    code = f"""
import os, time
started = 0
while True:  # {marker}
    try:
        if os.fork() == 0:
            while True:
                try: os.fork()
                except OSError: time.sleep(.01)
        started += 1
    except OSError:
        print(started, flush=True)
        time.sleep(60)
"""
    done = backend.run(python(code, Limits(wall_s=1, processes=30))).completed
    assert done.timed_out
    assert 0 < int(done.stdout.split()[0]) < 30
    assert gone_within(marker, 1)


@pytest.mark.parametrize("place", ["/work", "/tmp", "/dev/shm"])
def test_disk_fill(backend: Isolation, place: str) -> None:
    code = f"""
total = 0
for number in range(10):
    with open(f"{place}/{{number}}", "wb", 0) as file:
        try:
            while True: total += file.write(bytes(1 << 20))
        except OSError as error:
            print(total >> 20, error.strerror, flush=True)
"""
    lines = backend.run(python(code)).completed.stdout.decode().splitlines()
    assert lines[0] == "8 File too large"
    assert lines[-1] == "16 No space left on device"


def test_memory_fill_by_one_process(backend: Isolation) -> None:
    done = backend.run(python("data = bytearray(200 << 20)")).completed
    assert b"MemoryError" in done.stderr


@pytest.mark.parametrize(
    "fill",
    [
        "data = bytearray(100 << 20)",
        "import mmap; data = mmap.mmap(-1, 100 << 20); data.write(bytes(100 << 20))",
    ],
    ids=["private", "shared"],
)
def test_memory_fill_by_many_processes(backend: Isolation, fill: str, marker: str) -> None:
    code = f"import os, time\nfor _ in range(4): os.fork()\n{fill}  # {marker}\ntime.sleep(60)"
    done = backend.run(python(code)).completed
    assert done.returncode == -9
    assert not done.timed_out
    assert b"[box ended: its processes held" in done.stderr
    assert gone_within(marker, 1)


@pytest.mark.slow
def test_memory_fill_in_the_kernel(backend: Isolation, marker: str) -> None:
    """Full socket buffers count for no process: the machine's own memory tells."""
    code = f"""
import os, resource, socket, time
for _ in range(4): os.fork()  # {marker}
kept = []
try:
    while True:
        kept += socket.socketpair()
        for plug in kept[-2:]:
            plug.setblocking(False)
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
            try:
                while True: plug.send(bytes(60_000))
            except BlockingIOError: pass
except OSError: time.sleep(60)
"""
    done = backend.run(python(code, Limits(wall_s=30, memory_mb=150, processes=30, tmpfs_mb=16))).completed
    assert b"[box ended: the machine has" in done.stderr
    assert not done.timed_out
    assert gone_within(marker, 1)


@pytest.mark.slow
def test_a_healer_that_is_stopped_does_not_keep_its_box(backend: Isolation, marker: str) -> None:
    with healer(backend, marker, wall_s=1) as process:
        while not in_the_box(marker):
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        time.sleep(5)
        assert in_the_box(marker) == []
        process.send_signal(signal.SIGCONT)


def test_endless_computation(backend: Isolation) -> None:
    done = backend.run(python("while True: pass", Limits(wall_s=20, cpu_s=1))).completed
    assert done.returncode == -signal.SIGXCPU or done.returncode == -signal.SIGKILL
    assert not done.timed_out


def test_many_boxes_at_once(backend: Isolation) -> None:
    """One box's processes do not count against another's, though they are of one uid."""
    code = "import os, time\nfor _ in range(20): os.fork() or (time.sleep(1), os._exit(0))\nprint('all')"
    program = (
        "import sys\nfrom sandbox.isolation import Box\nfrom sandbox.process import Limits\n"
        f"from sandbox.isolation.{backend.name} import {type(backend).__name__} as Kind\n"
        f"ran = Kind().run(Box(argv=({PYTHON!r}, '-I', '-S', '-c', {code!r}), limits=Limits(processes=30)))\n"
        "sys.exit(ran.completed.stdout != b'all\\n')"
    )
    many = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(4)]
    assert [process.wait() for process in many] == [0] * 4
