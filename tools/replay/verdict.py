"""What a boot says about a crash: a comparison of observations, nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from sandbox.boot import BootReport
from tools.logs import Crash, CrashError, Frame, last_crash, map_frames
from tools.logs.crash import normal_message
from tools.logs.frames import likely_path
from tools.logs.lines import is_log_line, level_of, message_of
from tools.logs.python_trace import is_header, parse
from tools.replay.outside import network_cause

Verdict = Literal["reproduced", "other_crash", "beats", "unclear"]

_BY_STOPPING = frozenset({"KeyboardInterrupt", "SystemExit", "CancelledError"})
_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
_UNRETRIEVED = re.compile(r"(?:Task|Future) exception was never retrieved|Exception in thread ")
_ASIDE = re.compile(r"Exception ignored (?:in|while|on)|Error in atexit|--- Logging error ---")
_DROPPED = re.compile(r"^\[\.\.\. \d+ bytes of output dropped \.\.\.\]$", re.MULTILINE)
_TITLE_LINES = 3
_SAID_AT_LEAST = 8


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, why, and the crash that was seen."""

    verdict: Verdict
    why: str
    crash: Crash | None = None


def judge(report: BootReport, crash: Crash | None, service: str, exists: Callable[[str], bool]) -> Judged:
    """What a boot did, compared with the incident's crash.

    `exists` says which paths the booted tree has. `crash` is the incident's, its frames mapped.
    """
    if report.problem is not None:
        return Judged("unclear", f"the service could not be booted: {report.problem}")
    seen = [map_frames(each, exists) for each in crashes(report.everything)]
    again = next((each for each in seen if crash and is_same(each, crash, service)), None)
    if again is not None:
        return Judged("reproduced", described(again, service), again)
    said = still_said(report, crash)
    if said is not None:
        return Judged("reproduced", f"it is logged as an error: {said[:200]}")
    if report.alive and report.first_heartbeat_s is not None:
        living = _living(seen, service)
        flood = living.verdict == "beats" and _unread(report)
        return Judged("unclear", "it beats, and writes more than can be read") if flood else living
    return _dead(report, [map_frames(each, exists) for each in _endings(report)], service)


def crashes(output: str) -> Iterator[Crash]:
    """Every traceback that a run printed, and every ERROR line; what merely comes of stopping is left out."""
    lines = output.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if is_header(line):
            trace = parse(lines, at)
            if (found := _traceback(lines, at, trace.errors, trace.end)) is not None:
                yield found
            at = max(trace.end, at + 1)
            continue
        if is_log_line(line) and level_of(line) == "ERROR":
            yield Crash("error_line", (CrashError("", message_of(line)),), line, at + 1)
        at += 1


def is_same(one: Crash, other: Crash, service: str) -> bool:
    """The same type of exception at the same culprit file and function; lines may have moved.

    For imports the message must be the same too: it says what is missing. Where no frame of the
    service is known, and for lines without a traceback, the message stands in for the place.
    """
    if one.final is None or other.final is None:
        return False
    if "error_line" in (one.kind, other.kind):
        return one.kind == other.kind and _said(one.final) == _said(other.final)
    if one.final.name != other.final.name:
        return False
    place = place_of(one, service)
    if place != place_of(other, service):
        return False
    told = normal_message(one.final.message) == normal_message(other.final.message)
    return told or (place is not None and one.final.name not in _IMPORTS)


def place_of(crash: Crash, service: str) -> tuple[str, str] | None:
    """The path and the function of the culprit; comprehensions count for the function around them."""
    stack = stack_of(crash, service)
    return stack[0] if stack else None


def stack_of(crash: Crash, service: str) -> list[tuple[str, str]]:
    """The service's own (path, function) on the way to the crash, the culprit first."""
    final, culprit = crash.final, crash.culprit(service)
    if final is None or culprit is None:
        return []
    frames = final.frames[: final.frames.index(culprit) + 1]
    own = [frame for frame in reversed(frames) if likely_path(frame).startswith(f"services/{service}/")]
    plain = [frame for frame in own if frame.function not in _COMPREHENSIONS]
    return [(likely_path(frame), frame.function) for frame in plain]


def described(crash: Crash, service: str) -> str:
    """One line: the exception and where it was raised."""
    final = crash.final
    if final is None:
        return "it ended without an error"
    where = crash.culprit(service) or (final.frames[-1] if final.frames else None)
    name = final.name or "ERROR line"
    return f"{name} at {place(where)}" if where else f"{name}: {normal_message(final.message)[:200]}"


def place(frame: Frame) -> str:
    """A frame as `path:line in function`."""
    return f"{likely_path(frame)}:{frame.line} in {frame.function}"


def still_said(report: BootReport, crash: Crash | None) -> str | None:
    """An ERROR line that tells of the incident's exception: caught and logged, or about to be raised."""
    final = crash.final if crash else None
    wanted = normal_message(final.message) if final else ""
    if len(wanted) < _SAID_AT_LEAST:
        return None
    lines = (
        line for line in report.everything.split("\n") if is_log_line(line) and level_of(line) == "ERROR"
    )
    return next((message_of(line) for line in lines if wanted in normal_message(message_of(line))), None)


def _living(seen: list[Crash], service: str) -> Judged:
    """It beats and stayed alive; a traceback of its own that is not the network's still counts."""
    uncaught = [each for each in seen if each.kind != "error_line" and network_cause(each) is None]
    if uncaught:
        first = uncaught[0]
        return Judged("other_crash", f"it beats, but with {described(first, service)}", first)
    return Judged("beats", "it beats, stays alive and stops without an error")


def _unread(report: BootReport) -> bool:
    """Whether it wrote so much that its middle was not kept, in which a crash may be told."""
    return _DROPPED.search(report.everything) is not None


def _dead(report: BootReport, endings: list[Crash], service: str) -> Judged:
    crash = endings[0] if endings else None
    refused = network_cause(crash) if crash else None
    if refused is not None:
        return Judged("unclear", refused, crash)
    if crash is not None and crash.final is not None:
        return Judged("other_crash", described(crash, service), crash)
    if report.alive:
        return Judged("unclear", "it stayed alive without a heartbeat and without an error")
    return Judged("other_crash", f"it ended by itself with exit code {report.exit_code} and no error", crash)


def _endings(report: BootReport) -> list[Crash]:
    found = last_crash(report.everything.encode())
    return [found] if found is not None and found.kind not in ("stopped", "no_trace") else []


def _traceback(lines: list[str], at: int, errors: tuple[CrashError, ...], end: int) -> Crash | None:
    title = lines[max(0, at - _TITLE_LINES) : at]
    if not errors or errors[-1].name in _BY_STOPPING or any(map(_ASIDE.match, title)):
        return None
    unretrieved = any(_UNRETRIEVED.search(line) for line in title)
    kind: Literal["unretrieved_task", "traceback"] = "unretrieved_task" if unretrieved else "traceback"
    return Crash(kind, errors, "\n".join(lines[at:end]), at + 1)


def _said(final: CrashError) -> str:
    return normal_message(final.message)
