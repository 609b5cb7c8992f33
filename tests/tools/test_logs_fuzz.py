"""Logs are whatever somebody wrote: no bytes may raise, and time grows with their length at most."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tools.logs import fingerprint, last_crash, map_frames
from tools.logs.lines import uncoloured

PIECES = [
    "Traceback (most recent call last):",
    "  + Exception Group Traceback (most recent call last):",
    "  +-+---------------- 1 ----------------",
    "    +---------------- 2 ----------------",
    "    +------------------------------------",
    "  | ExceptionGroup: x (2 sub-exceptions)",
    "    | Traceback (most recent call last):",
    '    |   File "/a/services/v/x.py", line 3, in f',
    '  File "/a/services/v/main.py", line 3, in f',
    '  File "/a/b.py", line 3',
    "    x = 1",
    "    ~~^~~",
    "    ...<5 lines>...",
    "ValueError: x",
    "KeyboardInterrupt",
    "",
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
    "  [Previous line repeated 996 more times]",
    "Task exception was never retrieved",
    "Exception in thread Thread-1:",
    "Exception ignored in: <x>",
    "[2026-11-22 10:00:00][v][ERROR] ❌ fatal: x",
    "[2026-11-22 10:00:00][v][INFO] ok",
    "[2026-11-22 10:00:00][v][INFO] received SIGTERM, shutting down",
    " Starting v at Sun Nov 22 10:00:00",
    "Error: boom",
    "[AggregateError: x] {",
    "  [cause]: Error: y",
    "    at f (/a/services/v/x.js:1:2)",
    "/a/services/v/x.js:1",
    "  code: 'X'",
    "}",
    "Node.js v20.1.0",
    "Fatal Python error: x",
    "\x1b[31mred",
    "=====",
]
LOGS = st.lists(st.sampled_from(PIECES), max_size=40).map("\n".join)


@given(LOGS)
@settings(max_examples=200, deadline=None)
def test_any_order_of_log_lines(log: str) -> None:
    crash = last_crash(log.encode())
    if crash is None:
        assert not log.strip()
        return
    mapped = map_frames(crash, lambda path: path.endswith("main.py"))
    assert len(fingerprint("v", mapped)) == 16
    assert 1 <= crash.line <= log.count("\n") + 1
    assert crash.owner("v") and (crash.culprit("v") is None or crash.final is not None)


@given(st.binary(max_size=600))
@example(b"\x1b@")
@settings(max_examples=200, deadline=None)
def test_any_bytes(data: bytes) -> None:
    lines = data.decode("utf-8", "replace").split("\n")
    assert (last_crash(data) is None) == (not any(uncoloured(line).strip() for line in lines))


ADVERSARIAL = [
    "Traceback (most recent call last):\n",
    'Traceback (most recent call last):\n  File "x", line 1, in f\n',
    "[" * 70 + "\n",
    " " * 200 + "\n",
    "| " * 100 + "\n",
    "    at f (" + "(" * 80 + ":1:1\n",
    "    at " + "a:1:" * 40 + "\n",
    "ValueError: x\n\n",
    "a." * 90 + "\n",
    "The above exception was the direct cause of the following exception:\n\n",
    "  +-+---- 1 ----\n    | Traceback (most recent call last):\n",
    "[2026-11-22 10:00:00][v][ERROR] stopped SIGTERM fatal ConnectionError\n",
    "Error: x\n    at f (/a.js:1:2)\n  [cause]: Error: y\n",
    "Starting a at b 10:00\n",
    "Exception in thread x\n",
    "Node.js v20.1.0\n",
    "x" * 100,
    '{"level":' * 20 + "\n",
]


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        log = (unit * (size // len(unit))).encode()
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            last_crash(log)
            best = min(best, time.process_time() - started)
        return best

    small, big = seconds(50_000), seconds(400_000)
    assert big < 20 * small + 0.1
