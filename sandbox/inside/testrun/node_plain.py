"""Runs a Node service's test files as a person would: `node --test <file>`, with nothing of ours beside them.

What such a run says can only count against a patch.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any

from .node_run import SCRIPTS, end, event_of, read

_LATE = re.compile(r'Test "(?P<name>.+)" at ')


def run_file(plan: dict[str, Any], path: str, env: dict[str, str], patience_s: float) -> list[dict[str, Any]]:
    """Events of one test file, in the form of those of a Python worker.

    plan     "root" and "node", the program
    path     of the test file, relative to the root
    env      variables beside those that are there

    What comes after a test has ended fails it; where nobody knows which, or node fails though each test
    passed, all have failed.
    """
    told, events = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_node(plan, path, env, events)
    os.close(events)
    heard, _ = read(told, time.monotonic() + patience_s)
    code = _exit_code(pid, time.monotonic() + patience_s)
    os.close(told)
    ends, late = _ends(_lines(heard), {path, f"{plan['root']}/{path}"})
    failed = {match["name"] for each in late if (match := _LATE.search(each))}
    is_told = any(kind == "failed" for kind, _ in ends.values())
    if (late and not failed) or (code != 0 and not is_told and not failed):
        failed |= ends.keys()
    why = late[0] if late else f"node --test ended with {code}, and no test says why"
    for name in failed & ends.keys():
        ends[name] = ("failed", ["Error", why, ""])
    return [event_of(plan["root"], f"{path}::{name}", kind, error) for name, (kind, error) in ends.items()]


def _ends(
    lines: Iterator[dict[str, Any]], files: set[str]
) -> tuple[dict[str, tuple[str, list[str]]], list[str]]:
    """How each test ended, by name, and what is said of what came after; a file is no test."""
    ends, late = dict[str, tuple[str, list[str]]](), list[str]()
    for each in lines:
        if each["kind"] == "late":
            late.append(each["name"])
        elif each["name"] not in files:
            ends[each["name"]] = (each["kind"], each["error"])
    return ends, late


def _lines(heard: bytes) -> Iterator[dict[str, Any]]:
    for line in heard.decode("utf-8", "replace").splitlines():
        try:
            each = json.loads(line)
        except ValueError:
            continue
        if isinstance(each, dict) and {"kind", "name", "error"} <= each.keys():
            yield each


def _exit_code(pid: int, deadline: float) -> int | None:
    """How the process ended; None where it had to be ended."""
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    end(pid)
    return None


def _become_node(plan: dict[str, Any], path: str, env: dict[str, str], events: int) -> None:
    os.setsid()
    os.dup2(events, 1)
    os.closerange(3, 256)
    os.chdir(plan["root"])
    reporter = SCRIPTS.removeprefix("file://") + "/plain.mjs"
    arguments = ["--test", f"--test-reporter={reporter}", "--test-reporter-destination=stdout", path]
    try:
        os.execve(plan["node"], [plan["node"], *arguments], os.environ | env)
    finally:
        os._exit(127)
