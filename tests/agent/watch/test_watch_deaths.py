"""The death of a process, noticed at once."""

from __future__ import annotations

import queue
import subprocess
import sys
import time

import pytest

from agent.watch.deaths import DeathWatch, exit_code_of_zombie


@pytest.fixture
def heard():
    return queue.SimpleQueue()


@pytest.fixture
def deaths(heard):
    watch = DeathWatch(lambda pid, code: heard.put((pid, code, time.monotonic())))
    yield watch
    watch.close()


def sleeper(code: str = "import time; time.sleep(60)") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-S", "-c", code])


def test_a_kill_is_noticed_within_a_tenth_of_a_second(deaths, heard):
    child = sleeper()
    deaths.add(child.pid)
    time.sleep(0.1)
    began = time.monotonic()
    child.kill()
    pid, code, at = heard.get(timeout=2)
    child.wait()
    assert pid == child.pid and at - began < 0.1
    assert code in (-9, None)


def test_a_child_that_nobody_collected_tells_its_exit_code(deaths, heard):
    child = sleeper("import time, os; time.sleep(0.1); os._exit(3)")
    deaths.add(child.pid)
    assert heard.get(timeout=5)[:2] == (child.pid, 3)
    child.wait()
    assert exit_code_of_zombie(child.pid) is None


def test_a_process_that_is_not_ours_is_noticed_too(deaths, heard):
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)']).pid, flush=True); import time; time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE)
    grandchild = int(parent.stdout.readline())
    deaths.add(grandchild)
    subprocess.run(["kill", "-9", str(grandchild)], check=True)
    assert heard.get(timeout=2)[0] == grandchild
    parent.kill()
    parent.stdout.close()
    parent.wait()


def test_a_process_that_is_gone_already_is_told_at_once_and_one_twice_added_once(deaths, heard):
    child = sleeper()
    deaths.add(child.pid)
    deaths.add(child.pid)
    child.kill()
    assert heard.get(timeout=2)[0] == child.pid
    child.wait()
    deaths.add(child.pid)
    assert heard.get(timeout=2)[0] == child.pid
    time.sleep(0.1)
    assert heard.empty()


def test_many_at_once(deaths, heard):
    children = [sleeper() for _ in range(10)]
    for child in children:
        deaths.add(child.pid)
    for child in children:
        child.kill()
    assert {heard.get(timeout=2)[0] for _ in children} == {child.pid for child in children}
    for child in children:
        child.wait()
