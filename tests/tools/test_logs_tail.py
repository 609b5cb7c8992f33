"""Logs of any size and kind: bounded memory, clear words, never a wait."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.logs import LogError, last_crash
from tools.logs.tail import LINE_CAP, Window, last_window, windows

CRASH = (
    b"Traceback (most recent call last):\n"
    b'  File "/srv/services/vigil/main.py", line 7, in main\n'
    b"    run()\n"
    b"ValueError: the end\n"
)
HEALTHY = b"[2026-11-22 10:00:00][vigil][INFO] spot checked\n"


def sparse_log(path: Path, size: int, end: bytes) -> Path:
    """A log of `size` bytes that takes no room on the disk: zeros, then healthy lines, then `end`."""
    with path.open("wb") as file:
        file.truncate(size - len(end))
        file.seek(0, os.SEEK_END)
        file.write(end)
    return path


def test_windows_grow_until_they_hold_the_whole_log() -> None:
    log = HEALTHY * 5000
    found = list(windows(log))
    assert [window.complete for window in found] == [False, False, True]
    assert [window.final for window in found] == [False, False, True]
    assert len(found[-1].lines) == 5000


def test_a_window_is_the_same_from_memory_and_from_a_file(tmp_path: Path) -> None:
    log = tmp_path / "vigil.log"
    log.write_bytes(HEALTHY * 900 + CRASH)
    for size in (1, 100, 5_000, 1 << 20):
        assert last_window(log, size) == last_window(log.read_bytes(), size)


@pytest.mark.parametrize("size", [1, 10, 40, 200, 10_000])
def test_offsets_point_at_their_lines(size: int) -> None:
    log = "één\r\n\nlast line without an end\n  four".encode() * 40
    window = last_window(log, size)
    for line, start in zip(window.lines, window.starts, strict=True):
        assert log[start:].split(b"\n")[0].decode().rstrip("\r") == line


def test_missing_log_names_the_rotated_one_beside_it(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"there is no log vigil\.log$"):
        last_crash(tmp_path / "vigil.log")
    (tmp_path / "vigil.log.1").write_bytes(CRASH)
    with pytest.raises(LogError, match=r"a rotated one is beside it: vigil\.log\.1"):
        last_crash(tmp_path / "vigil.log")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo, folder, link, sock = (tmp_path / name for name in ("fifo", "folder", "link", "sock"))
    os.mkfifo(fifo)
    folder.mkdir()
    (tmp_path / "real.log").write_bytes(CRASH)
    link.symlink_to(tmp_path / "real.log")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(sock))
        started = time.monotonic()
        for path in (fifo, folder, link, sock, Path("/dev/zero"), Path("a\0b")):
            with pytest.raises(LogError, match=r"not a regular file|cannot be read"):
                last_crash(path)
        assert time.monotonic() - started < 1


def test_unreadable_log_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read"):
        last_crash(tmp_path / ("x" * 300))


def test_binary_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "vigil.log"
    log.write_bytes(bytes(range(256)) * 2000 + b"\n\x00\xff\xfe" * 500 + b"\n" + CRASH)
    crash = last_crash(log)
    assert crash is not None and crash.final is not None and crash.final.text == "ValueError: the end"


def test_one_line_of_a_hundred_megabytes(tmp_path: Path) -> None:
    log = sparse_log(tmp_path / "vigil.log", 100 << 20, b"\n" + CRASH)
    crash = last_crash(log)
    assert crash is not None and crash.final is not None and crash.final.name == "ValueError"
    whole = last_window(sparse_log(tmp_path / "one.log", 100 << 20, b"the end of the line"), 1 << 20)
    assert len(whole.lines) == 1 and len(whole.lines[0]) < 2 * LINE_CAP
    assert whole.lines[0].endswith("the end of the line") and "bytes of this line cut" in whole.lines[0]


def test_huge_message_in_front_of_the_end(tmp_path: Path) -> None:
    log = tmp_path / "vigil.log"
    log.write_bytes(CRASH.removesuffix(b"the end\n") + b"x" * (9 << 20) + b"\n" + HEALTHY)
    crash = last_crash(log)
    assert crash is not None and crash.final is not None and crash.final.name == "ValueError"
    assert len(crash.text) < 50_000


def test_log_truncated_while_it_is_read(tmp_path: Path) -> None:
    log = tmp_path / "vigil.log"
    log.write_bytes(HEALTHY * 40_000)
    stages = windows(log)
    next(stages)
    log.write_bytes(b"")
    rest = list(stages)
    assert all(isinstance(window, Window) for window in rest)


def test_log_rotated_while_it_is_read_stays_the_one_that_was_opened(tmp_path: Path) -> None:
    log = tmp_path / "vigil.log"
    log.write_bytes(HEALTHY * 40_000 + CRASH)
    stages = windows(log)
    next(stages)
    log.rename(tmp_path / "vigil.log.1")
    log.write_bytes(HEALTHY)
    assert next(stages).lines[-1] == "ValueError: the end"


MEASURE = """
import resource, sys, time
from pathlib import Path
from tools.logs import last_crash
small, big = Path(sys.argv[1]), Path(sys.argv[2])
last_crash(small)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
crash = last_crash(big)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert crash.kind == sys.argv[3], crash.kind
unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
sys.stdout.write(str(grown / unit))
"""


@pytest.mark.parametrize(
    ("end", "kind"), [(HEALTHY * 2000 + CRASH, "traceback"), (HEALTHY * 40_000, "no_trace")]
)
def test_memory_does_not_grow_with_the_log(tmp_path: Path, end: bytes, kind: str) -> None:
    small = sparse_log(tmp_path / "small.log", len(end) + 1, end)
    big = sparse_log(tmp_path / "big.log", 1 << 30, b"\n" + end)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(big), kind],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 10
