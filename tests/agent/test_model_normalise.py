"""What makes two runs equal, and what must never be made equal."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.normalise import normalise, normalise_json

SAME = [
    ("at 2026-11-22T12:27:51.123Z", "at 2026-11-23 01:02:03,9"),
    ("[12:27:51] start", "[23:59:59.001] start"),
    ('{"ts": 1795350471.25}', '{"ts": 1795350999}'),
    ("ts=1795350471123 ms", "ts=1795350999456 ms"),
    ("vigil-20261122-122751-4f2a9c1", "vigil-20261123-010203-9b1c0de"),
    ("commit 4f2a9c1d", "commit 9b1c0def2"),
    ("dda1e5c26ee46ae11c2ee2f9edaa6fa5f4c5a01f", "91cf16369058bc43b8d77c8977565021252377b2"),
    ("pid 4711", "pid 99"),
    ('"pid": 4711', '"pid": 5'),
    ("Started server process [4711]", "Started server process [22]"),
    ("redis://127.0.0.1:31337", "redis://127.0.0.1:20001"),
    ("port=31337", "port=20001"),
    ("<Task at 0x7f3a12345678>", "<Task at 0x7fffabcdef01>"),
    ("1 passed in 0.03s", "1 passed in 12.5s"),
    ("age_sec: 12.5", "age_sec: 99"),
    ("took 12 ms", "took 900 ms"),
    ("call_0001_0", "call_0002_1"),
    ("/Users/ernie/MarketSwarm/services/vigil/main.py", "/tmp/demo/services/vigil/main.py"),
    ("in /tmp/tmpab12cd34/log.txt", "in /private/var/folders/x/T/tmpzz99yy88/log.txt"),
    ("tmpab12cd34", "tmpzz99yy88"),
    ("Python 3.11.7", "Python 3.13.0"),
    ("123e4567-e89b-12d3-a456-426614174000", "00000000-e89b-12d3-a456-426614174111"),
    ("used 12.5 MB", "used 900 MB"),
]

DIFFERENT = [
    ("KeyError: 'spot'", "KeyError: 'vix'"),
    ("services/vigil/main.py", "services/massive/main.py"),
    ("/a/services/vigil/main.py", "/a/services/massive/main.py"),
    ("/a/services/vigil/tests/test_x.py", "/a/services/massive/tests/test_x.py"),
    ("127.0.0.1:6379", "127.0.0.1:6380"),
    ("port 3001", "port 3002"),
    ("line 12, in run", "line 13, in run"),
    ("3 passed", "4 passed"),
    ("ModuleNotFoundError", "ImportError"),
    ("deadbeef", "feedface"),
    ("price 6000.25", "price 6001.25"),
    ("call_model", "call_tool"),
    ("HTTP 429", "HTTP 500"),
    ("not fixable", "fixable"),
    ("market-redis", "intel-redis"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_only_a_rerun_changes_is_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_means_something_stays_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_nothing_of_the_host_is_left() -> None:
    text = normalise(
        "open /root/secret/x, /home/ernie/.config/y and /workspace/tree/services/vigil/main.py:12"
    )

    assert text == "open <path>, <path> and <root>/services/vigil/main.py:12"


OLD = """Traceback (most recent call last):
  File "/a/MarketSwarm/services/vigil/main.py", line 12, in main
    await run()
  File "/usr/lib/python3.11/asyncio/runners.py", line 190, in run
    return runner.run(main)
           ^^^^^^^^^^^^^^^^
  File "/a/MarketSwarm/services/vigil/intel/filters.py", line 3, in spikes
    return value / 0
           ~~~~~~^~~
ZeroDivisionError: division by zero
"""
NEW = """Traceback (most recent call last):
  File "/b/services/vigil/main.py", line 12, in main
    await run()
  File "/opt/python/lib/python3.14/asyncio/runners.py", line 204, in run
    return runner.run(
        main,
    )
  File "/opt/python/lib/python3.14/asyncio/base_events.py", line 700, in run_until_complete
    ...<5 lines>...
  File "/b/services/vigil/intel/filters.py", line 3, in spikes
    return value / 0
ZeroDivisionError: division by zero
"""


def test_a_traceback_is_the_same_under_another_interpreter() -> None:
    assert normalise(OLD) == normalise(NEW)
    assert 'intel/filters.py", line 3, in spikes\n    return value / 0\n' in normalise(OLD)


def test_a_traceback_with_another_frame_of_ours_is_another() -> None:
    assert normalise(OLD) != normalise(NEW.replace("line 3, in spikes", "line 4, in spikes"))


def test_the_numbers_of_a_log_differ_and_those_of_a_file_do_not() -> None:
    assert normalise("    812  ERROR boom") == normalise("  10913  ERROR boom")
    assert normalise("   12      return 1") != normalise("   13      return 1")


def test_data_is_normalised_in_its_texts_only() -> None:
    data = {"pid 1": ["pid 4711", 4711, None, True], "nested": {"t": "2026-11-22"}}

    assert normalise_json(data) == {"pid 1": ["pid <pid>", 4711, None, True], "nested": {"t": "<date>"}}


@given(st.text(alphabet="ab1/:-._ \n[]<>|^~0", max_size=80))
def test_a_second_time_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("one", [pair[0] for pair in SAME] + [OLD, NEW])
def test_a_second_time_changes_nothing_where_the_rules_apply(one: str) -> None:
    assert normalise(normalise(one)) == normalise(one)


@pytest.mark.parametrize(
    "piece", [" ", "/", "a/", "1", "20261122", "[", "call_", "/lib/python3.1/", "f0", "x: "]
)
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    started = time.monotonic()

    normalise(piece * (60_000 // len(piece)))

    assert time.monotonic() - started < 3
