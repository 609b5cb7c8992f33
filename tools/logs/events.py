"""What goes wrong in a log, line by line: tracebacks, Node errors, ERROR lines, deaths below Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tools.logs import node_trace, python_trace
from tools.logs.frames import CrashError
from tools.logs.lines import is_error_line, is_log_line, message_of

EventKind = Literal["traceback", "node", "unretrieved", "error_line", "aside"]

_UNRETRIEVED = re.compile(
    r"(?:Task|Future) exception was never retrieved|unhandled exception during asyncio\.run\(\) shutdown"
)
_ASIDE = re.compile(
    r"Exception ignored (?:in|while|on)|Error in atexit|--- Logging error ---|Exception in ASGI application"
    r"|Exception in callback|Error in sys\.excepthook"
)
_THREAD = re.compile(r"Exception in thread ")
_BARE_FATAL = re.compile(
    r"Fatal Python error: |FATAL ERROR: |Segmentation fault|Bus error|Illegal instruction"
    r"|\S{0,200}python[\d.]*: (?:can't open file|No module named)|MemoryError\b"
    r"|\S{1,200}: line \d{1,6}: +\d{1,9} (?:Segmentation fault|Bus error|Aborted|Illegal instruction)"
    r"|(?:bash|sh|env|zsh): .{0,200}(?:No such file or directory|command not found|Permission denied)"
)
_NAMED = re.compile(r"\b([A-Z]\w{1,60}(?:Error|Exception|Interrupt|Timeout|Refused))\b")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that went wrong, and how many healthy lines had been written when it did."""

    kind: EventKind
    errors: tuple[CrashError, ...]
    start: int
    end: int
    healthy: int
    uncaught: bool = False


def event_at(lines: Sequence[str], index: int, floor: int, healthy: int) -> Event | None:
    """What went wrong at a line, None for nothing; titles above it are looked for down to `floor`."""
    line = lines[index]
    if python_trace.is_header(line) or python_trace.is_bare_frame(line):
        return _python_event(lines, index, floor, healthy)
    if node_trace.is_frame(line) or node_trace.is_version(line):
        return _node_event(lines, index, floor, healthy)
    if not line.startswith("[") and _BARE_FATAL.match(line):
        return _fatal_event(lines, index, healthy)
    if is_error_line(line) and not _opens_trace(lines, index):
        return Event("error_line", (_line_error(line),), index, index + 1, healthy)
    return None


def _opens_trace(lines: Sequence[str], index: int) -> bool:
    """Whether an ERROR line is only the title of the traceback right below it."""
    following = lines[index + 1 : index + 4]
    return any(python_trace.is_header(line) or node_trace.is_frame(line) for line in following)


def _python_event(lines: Sequence[str], index: int, floor: int, healthy: int) -> Event:
    trace = python_trace.parse(lines, index)
    title, kind = _title(lines, index, floor)
    uncaught = not is_log_line(lines[index]) and title == index
    return Event(kind, trace.errors, title, trace.end, healthy, uncaught)


def _title(lines: Sequence[str], index: int, floor: int) -> tuple[int, EventKind]:
    """Where the words above a traceback start that say what it is, and what they say."""
    for above in range(index, max(floor - 1, index - 6, -1), -1):
        line = lines[above]
        if above < index and python_trace.is_header(line):
            break
        if _UNRETRIEVED.search(line):
            return above, "unretrieved"
        if _ASIDE.search(line):
            return above, "aside"
        if _THREAD.search(line):
            return above, "traceback"
    if index > floor and is_error_line(lines[index - 1]):
        return index - 1, "traceback"
    return index, "traceback"


def _node_event(lines: Sequence[str], index: int, floor: int, healthy: int) -> Event | None:
    trace = node_trace.parse(lines, index, floor)
    if trace is None or trace.end <= index:
        return None
    return Event("node", trace.errors, trace.start, trace.end, healthy, trace.uncaught)


def _fatal_event(lines: Sequence[str], index: int, healthy: int) -> Event:
    name, _, message = lines[index].partition(": ")
    error = CrashError(name[:100], message[:2000]) if message else CrashError("", name[:2000])
    end = index + 1
    limit = min(len(lines), index + 60)
    while end < limit and (lines[end].startswith("  ") or "(most recent call" in lines[end]):
        end += 1
    return Event("error_line", (error,), index, end, healthy, uncaught=True)


def _line_error(line: str) -> CrashError:
    message = message_of(line)[:4000]
    named = _NAMED.search(message)
    return CrashError(named.group(1) if named else "", message)
