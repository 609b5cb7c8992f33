"""A replay in words: short, and the same for the same observations."""

from __future__ import annotations

import re

from sandbox.boot import BootReport
from tools.logs import Crash, CrashError
from tools.logs.frames import likely_path
from tools.replay.verdict import Judged

FRAMES = 6
MESSAGE_CHARACTERS = 400
LINES = 8
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,16}")


def told(name: str, judged: Judged, report: BootReport) -> str:
    """The result of the replay as that of a test: the verdict in the first line, then what shows it."""
    state = {"beats": "PASSED", "unclear": "SKIPPED"}.get(judged.verdict, "FAILED")
    first = f"{name} {state} ({_headline(judged)})"
    if judged.crash is not None and judged.verdict != "beats":
        return "\n".join([first, *_shown(judged.crash)])
    if judged.verdict == "other_crash":
        return "\n".join([first, *_end_of(report.everything)])
    return first


def _headline(judged: Judged) -> str:
    return f"{judged.verdict.replace('_', ' ')}: {judged.why}" if judged.verdict != "beats" else judged.why


def _shown(crash: Crash) -> list[str]:
    shown = [line for error in crash.errors[-2:] for line in _error(error)]
    if crash.kind == "unretrieved_task":
        return ["Task exception was never retrieved:", *shown]
    return shown


def _error(error: CrashError) -> list[str]:
    lines = []
    for frame in error.frames[-FRAMES:]:
        lines.append(f"  {likely_path(frame)}:{frame.line} in {frame.function}")
        lines += [f"      {frame.code}"] if frame.code else []
    return [*lines, _ADDRESS.sub("0x...", error.text)[:MESSAGE_CHARACTERS]]


def _end_of(output: str) -> list[str]:
    lines = [line for line in output.splitlines() if line.strip()]
    return [_ADDRESS.sub("0x...", _TIME.sub("", line))[:MESSAGE_CHARACTERS] for line in lines[-LINES:]]


_TIME = re.compile(r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*\]?")
