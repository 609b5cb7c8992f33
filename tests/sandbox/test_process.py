import os
import signal
import sys
import time
from pathlib import Path

import pytest

from sandbox.exchange import Capture
from sandbox.process import Limits, ProcessError, run

PATH = {"PATH": "/usr/bin:/bin"}


def python(code: str, **kwargs: object):
    return run([sys.executable, "-I", "-S", "-c", code], env={}, **kwargs)  # type: ignore[arg-type]


def test_environment_is_exactly_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_API_KEY", "secret")
    done = run(["/usr/bin/env"], env={"ONLY": "this"})
    assert done.stdout == b"ONLY=this\n"


@pytest.mark.parametrize(("code", "expected"), [("exit 3", 3), ("kill -SEGV $$", -signal.SIGSEGV)])
def test_tells_how_it_ended(code: str, expected: int) -> None:
    done = run(["sh", "-c", code], env=PATH)
    assert (done.returncode, done.timed_out, done.truncated) == (expected, False, False)


@pytest.mark.parametrize("program", ["/no/such/program", "/etc/passwd", "no-such-name"])
def test_what_cannot_be_started_is_an_error(program: str) -> None:
    with pytest.raises(ProcessError, match=program):
        run([program], env=PATH)


def test_missing_working_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProcessError):
        run(["true"], env=PATH, cwd=tmp_path / "gone")


def test_no_descriptors_are_left_open() -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    run(["true"], env=PATH)
    with pytest.raises(ProcessError):
        run(["/no/such/program"], env=PATH)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_big_input_and_output_do_not_wait_for_each_other() -> None:
    data = os.urandom(3 << 20)
    done = run(["cat"], env=PATH, stdin=data, limits=Limits(output_bytes=4 << 20))
    assert done.stdout == data


def test_input_that_is_not_read_is_no_error() -> None:
    assert run(["true"], env=PATH, stdin=b"x" * (1 << 20)).returncode == 0


def test_deadline_ends_a_process_that_ignores_sigterm_and_its_children() -> None:
    began = time.monotonic()
    done = run(["sh", "-c", "trap '' TERM; sleep 60 & sleep 60"], env=PATH, limits=Limits(wall_s=0.3))
    assert done.timed_out
    assert done.returncode == -signal.SIGKILL
    assert time.monotonic() - began < 1.3


def test_a_child_that_holds_the_pipe_ends_with_its_parent() -> None:
    began = time.monotonic()
    done = run(["sh", "-c", "sleep 60 & echo $!"], env=PATH)
    assert time.monotonic() - began < 1
    assert is_gone_soon(int(done.stdout))


def test_a_daemon_that_holds_the_pipe_does_not_hold_us() -> None:
    began = time.monotonic()
    done = run(["sh", "-c", "setsid sleep 5 & sleep 60"], env=PATH, limits=Limits(wall_s=0.3))
    assert done.timed_out
    assert time.monotonic() - began < 1.3


def test_output_keeps_both_ends() -> None:
    code = "print('first'); print('x' * 5_000_000); print('last')"
    done = python(code, limits=Limits(output_bytes=1000))
    assert done.truncated
    assert len(done.stdout) == 1000
    assert done.stdout.startswith(b"first\n")
    assert done.stdout.endswith(b"last\n")


def test_a_flood_is_cut_off_long_before_the_deadline() -> None:
    done = run(["yes"], env=PATH, limits=Limits(output_bytes=10_000, wall_s=30))
    assert done.truncated
    assert not done.timed_out
    assert done.returncode == -signal.SIGKILL
    assert done.seconds < 10


@pytest.mark.skipif(sys.platform != "linux", reason="limits on another process are a thing of Linux")
def test_file_size_is_limited(tmp_path: Path) -> None:
    code = f"import time; time.sleep(.2); open({str(tmp_path / 'big')!r}, 'wb').write(bytes(3 << 20))"
    done = python(code, limits=Limits(file_mb=1))
    assert done.returncode != 0
    assert (tmp_path / "big").stat().st_size <= 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="limits on another process are a thing of Linux")
def test_memory_is_limited() -> None:
    done = python("import time; time.sleep(.2); bytearray(300 << 20)", limits=Limits(memory_mb=100))
    assert b"MemoryError" in done.stderr


@pytest.mark.parametrize("limit", [0, 1, 7, 10, 1000])
def test_capture_is_the_whole_or_its_two_ends(limit: int) -> None:
    data = bytes(range(100))
    for size in (1, 3, 100):
        capture = Capture.both_ends(limit)
        for at in range(0, len(data), size):
            capture.feed(data[at : at + size])
        head = limit // 2
        cut = data[:head] + data[len(data) - (limit - head) :]
        assert capture.value == (data if limit >= len(data) else cut)
        assert capture.truncated == (limit < len(data))


def test_capture_stays_small_in_a_flood() -> None:
    capture = Capture.both_ends(100)
    for _ in range(1000):
        capture.feed(bytes(1 << 16))
    assert capture.total == 1000 << 16
    assert sys.getsizeof(capture._last) < 1 << 19


def is_gone_soon(pid: int) -> bool:
    for _ in range(100):
        state = run(["ps", "-o", "stat=", "-p", str(pid)], env=PATH).stdout
        if not state or state.startswith(b"Z"):
            return True
        time.sleep(0.01)
    return False
