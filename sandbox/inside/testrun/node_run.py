"""Runs a Node service's test files, each in a process of its own, and hears what became of the tests."""

from __future__ import annotations

import fcntl
import os
import random
import re
import select
import signal
import time
from typing import Any

SCRIPTS = "file://" + __file__.rpartition("/")[0] + "/node"
_WORDS, _MOST = 4000, 8 << 20
_CANARY = """
;({load}("node:test")).test("{name}", async () => {{
  const assert = ({load}("node:assert")){end}, held = [];
  const claims = [
    () => assert.strictEqual({a}, {b}), () => assert.equal({a}, {b}),
    () => assert.ok(false), () => assert(false),
    () => assert.deepStrictEqual({{ a: {a} }}, {{ a: {b} }}), () => assert.deepEqual([{a}], [{b}]),
    () => assert.notStrictEqual({a}, {a}), () => assert.notEqual({a}, {a}), () => assert.throws(() => {{}}),
    () => assert.rejects(Promise.resolve()), () => assert.match("{a}", /{b}/), () => assert.fail("{a}"),
  ];
  for (const [i, claim] of claims.entries()) {{
    try {{ await claim(); held.push(i); }} catch {{}}
  }}
  assert.ok(true);
  throw new Error("{name}" + held.join());
}});
"""
_PLACE = re.compile(r"(\d+):(\d+):(\d+)=(\d+),")
_IMPORTED = re.compile(r"""^(\s*import\s+[\w$]+\s+from\s*)(["'])(?:node:)?assert\2""", re.MULTILINE)
_REQUIRED = re.compile(r"""\b(require\(\s*)(["'])(?:node:)?assert\2""")
_FRAME = re.compile(r"at (?:async )?(?:([^\s(]+)[^(]*\()?(?:file://)?(/[^\s():]+):(\d+):\d+")


def run_file(plan: dict[str, Any], path: str, patience_s: float) -> list[dict[str, Any]]:
    """Events of one test file, in the form of those of a Python worker; canaries included.

    plan     "root" and "node", the program
    path     of the test file, relative to the root

    The implanted canary's event has the key `canary`. `claims` are those of a test that held: how often, by
    path, line and column.
    """
    name = f"canary {os.urandom(8).hex()}"
    _implant(f"{plan['root']}/{path}", name)
    words = [os.urandom(12).hex() for _ in range(_WORDS)]
    lines, why = _listen(plan, path, words, patience_s)
    events: list[dict[str, Any]] = []
    ended = False
    for word, line in zip(words, lines, strict=False):
        said, kind, test, told, *error = line.split("\x01") if line.count("\x01") > 2 else ("", "", "", "")
        if said != word:
            return [{"e": "noise"}]
        if test == "ready":
            continue
        if kind == "end":
            ended = True
            break
        event = event_of(plan["root"], f"{path}::{test}", kind, error)
        event["claims"] = _claims(plan["claiming"], told)
        events.append({**event, "canary": name} if test == name else event)
    if not ended:
        failure = {"type": "Crash", "message": why, "frames": [], "text": why}
        events.append({"e": "collect", "node": path, "failure": failure})
    elif not any(event.get("canary") for event in events):
        events.append({"e": "noise"})
    elif not any(event["claims"] for event in events if event.get("canary")):
        # A canary makes claims that hold. Where none is heard, nothing is known of the others either.
        events = [{**event, "claims": None} for event in events]
    return events


def _claims(files: list[str], told: str) -> dict[str, int]:
    found = ([int(number) for number in each] for each in _PLACE.findall(told))
    return {
        f"{files[file]}:{line} {column}": often for file, line, column, often in found if file < len(files)
    }


def event_of(root: str, node: str, kind: str, error: list[str]) -> dict[str, Any]:
    """A test that ended as `kind` says, in the form of those of a Python worker.

    error    type, message and stack of what ended a failed one
    """
    phases = {"setup": "passed", "call": "passed", "teardown": "passed"}
    event: dict[str, Any] = {"e": "test", "node": node, "phases": phases, "node_test": True}
    if kind == "failed":
        phases["call"] = "failed"
        event["failure"] = _failure(root, error)
    elif kind in ("skipped", "xfailed"):
        phases["call"] = "skipped"
        event["xfail"] = kind == "xfailed"
    return event


def _failure(root: str, error: list[str]) -> dict[str, Any]:
    name, message, stack = (*(part.replace("\x02", "\n") for part in error), "", "", "")[:3]
    found = []
    for function, file, line in _FRAME.findall(stack):
        if file.startswith(f"{root}/") and not file.startswith(SCRIPTS.removeprefix("file://")):
            found.append((file[len(root) + 1 :], int(line), function or "<module>"))
    return {
        "type": name or "Error",
        "message": message,
        "frames": found[::-1],
        "text": stack[:3000] or message,
    }


def hear_calls(plan: dict[str, Any]) -> None:
    """What files of the tests call `assert` is ours from here on, and heard when it is called itself.

    By its members it is Node's own, and heard anyhow.
    """
    for path in plan["claiming"] if plan["node_files"] else ():
        file = f"{plan['root']}/{path}"
        try:
            with open(file, encoding="utf-8", newline="") as stream:  # noqa: PTH123
                source = stream.read()
        except (OSError, UnicodeDecodeError):
            continue
        heard = _IMPORTED.sub(rf'\1"{SCRIPTS}/assert.cjs"', source)
        heard = _REQUIRED.sub(rf'\1"{SCRIPTS.removeprefix("file://")}/assert.cjs"', heard)
        if heard != source and not os.path.islink(file):  # noqa: PTH114
            with open(file, "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
                stream.write(heard)


def _implant(file: str, name: str) -> None:
    """Put a test among those of a file that tries false claims and fails with those that held."""
    with open(file, encoding="utf-8") as stream:  # noqa: PTH123 - pathlib is slow to import here
        source = stream.read()
    low = random.SystemRandom().randrange(1000, 10**6)
    modern = file.endswith(".mjs") or re.search(r"^\s*import\s", source, re.MULTILINE)
    load, end = ("await import", ".default") if modern else ("require", "")
    with open(file, "a", encoding="utf-8") as stream:  # noqa: PTH123
        stream.write(_CANARY.format(name=name, load=load, end=end, a=low, b=low + 1))


def _listen(plan: dict[str, Any], path: str, words: list[str], patience_s: float) -> tuple[list[str], str]:
    """The lines that the reporter wrote, and why there are no more."""
    word_end, word_in = os.pipe()
    mode_end, mode_in = os.pipe()
    events, event_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_node(plan, path, (word_end, event_end, mode_end))
    os.close(word_end)
    os.close(mode_end)
    os.close(event_end)
    mode = ["turned" if plan["twin_seed"] else "", *(f"{plan['root']}/{test}" for test in plan["claiming"])]
    _write(mode_in, "\n".join(mode).encode())
    _write(word_in, "\n".join(words).encode())
    heard, why = read(events, time.monotonic() + patience_s)
    end(pid)
    os.close(events)
    return heard.decode("utf-8", "replace").splitlines(), why


def end(pid: int) -> None:
    """End a process and its group."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    os.waitpid(pid, 0)


def _become_node(plan: dict[str, Any], path: str, ends: tuple[int, int, int]) -> None:
    os.setsid()
    spare = [fcntl.fcntl(end, fcntl.F_DUPFD, 64) for end in ends]
    for number, end in enumerate(spare, 3):
        os.dup2(end, number)
    os.closerange(6, 256)
    os.chdir(plan["root"])
    reporter = f"--test-reporter={SCRIPTS}/reporter.mjs"
    flags = [f"--import={SCRIPTS}/preload.mjs", reporter, "--test-reporter-destination=stdout"]
    try:
        os.execv(plan["node"], [plan["node"], *flags, f"{plan['root']}/{path}"])
    finally:
        os._exit(127)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except BrokenPipeError:
        pass
    os.close(descriptor)


def read(descriptor: int, deadline: float) -> tuple[bytes, str]:
    """All that comes until a time on the clock that only goes on, and why there is no more."""
    heard = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        patience = deadline - time.monotonic()
        if patience <= 0 or not poll.poll(patience * 1000):
            return bytes(heard), "the test file did not come to its end in time"
        block = os.read(descriptor, 1 << 16)
        if not block or len(heard) > _MOST:
            return bytes(heard), "node ended before all its tests were reported"
        heard += block
