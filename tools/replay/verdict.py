"""What a boot says about a crash: a comparison of observations, nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.boot import BootReport
from tools.logs import Crash, CrashError, Frame, last_crash, map_frames
from tools.logs.crash import normal_message
from tools.logs.frames import likely_path
from tools.logs.lines import is_log_line, level_of, message_of
from tools.replay.crashes import crashes
from tools.replay.javascript import ANONYMOUS, function_name
from tools.replay.outside import network_cause

Verdict = Literal["reproduced", "other_crash", "beats", "unclear"]

_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})
_MODULE_CODES = frozenset({"MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"})
_WITHIN = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", ANONYMOUS})
_DROPPED = re.compile(r"^\[\.\.\. \d+ bytes of output dropped \.\.\.\]$", re.MULTILINE)
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
    wanted = crash.final.name if crash and crash.final else ""
    culprit = place_of(crash, service) if crash else None
    seen = [map_frames(each, exists) for each in crashes(report.everything, wanted, culprit)]
    same = (each for each in seen if crash and is_same(each, crash, service))
    again = next((each for each in same if network_cause(each) is None), None)
    if again is not None:
        return Judged("reproduced", described(again, service), again)
    said = still_said(report, crash)
    if said is not None:
        return Judged("reproduced", f"it is logged as an error: {said[:200]}")
    if report.alive and report.first_heartbeat_s is not None:
        living = _living(seen, service)
        unseen = _unseen(report) if living.verdict == "beats" else ""
        return Judged("unclear", f"it beats, {unseen}") if unseen else living
    return _dead(report, [map_frames(each, exists) for each in _endings(report)], service)


def is_same(one: Crash, other: Crash, service: str) -> bool:
    """The same type of exception at the same culprit file and function; lines may have moved.

    For imports the message must be the same too: it says what is missing; and so for a plain Error of
    JavaScript, whose type says nothing. A `code` that Node gives is part of the type. Where no frame of
    the service is known, and for lines without a traceback, the message stands in for the place.
    """
    if one.final is None or other.final is None:
        return False
    if "error_line" in (one.kind, other.kind):
        return one.kind == other.kind and _said(one.final) == _said(other.final)
    if (one.final.name, one.final.code) != (other.final.name, other.final.code):
        return False
    place = place_of(one, service)
    if place != place_of(other, service):
        return False
    told = normal_message(one.final.message) == normal_message(other.final.message)
    return told or (place is not None and not _told_by_message(one))


def _told_by_message(crash: Crash) -> bool:
    final = crash.final
    if final is None or crash.kind != "node":
        return final is not None and final.name in _IMPORTS
    return final.name in ("", "Error", "SyntaxError") or final.code in _MODULE_CODES


def place_of(crash: Crash, service: str) -> tuple[str, str] | None:
    """The path and the function of the culprit."""
    stack = stack_of(crash, service)
    return stack[0] if stack else None


def stack_of(crash: Crash, service: str) -> list[tuple[str, str]]:
    """The service's own (path, function) on the way to the crash, the culprit first.

    Comprehensions, and nameless functions of JavaScript, count for the function around them, or for
    what called it, where there is one.
    """
    final, culprit = crash.final, crash.culprit(service)
    if final is None or culprit is None:
        return []
    frames = final.frames[: final.frames.index(culprit) + 1]
    own = [frame for frame in reversed(frames) if likely_path(frame).startswith(f"services/{service}/")]
    named = function_name if crash.kind == "node" else str
    places = [(likely_path(frame), named(frame.function)) for frame in own]
    return [place for place in places if place[1] not in _WITHIN] or places


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


def _unseen(report: BootReport) -> str:
    """Why a crash may not be seen: in what was not kept of its output, or in what is not told of its run."""
    if _DROPPED.search(report.everything):
        return "and writes more than can be read"
    return f"but what it ran cannot be told: {report.blind}" if report.blind else ""


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


def _said(final: CrashError) -> str:
    return normal_message(final.message)
