"""Which of all that went wrong in the last run is what ended it.

A run ends with its crash, perhaps followed by an orderly shutdown. What is followed by
long healthy logging was survived, and is not the crash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tools.logs import python_trace
from tools.logs.events import Event, EventKind, event_at
from tools.logs.frames import CrashError, CrashKind
from tools.logs.lines import level_of, time_of
from tools.logs.runs import is_signal, run_start, shutdown_start

SURVIVED_LINES = 50
"""After this many healthy lines what went wrong was survived."""

SURVIVED_SECONDS = 120.0
"""After healthy lines over this time what went wrong was survived."""

_SEVERAL = 8
_LATE_THREADS = 3
_CONTEXT_LINES = 20
_WIDE = 400
_NEAR = 6
_FATAL = re.compile(
    r"\b(?:fatal|unhandled|uncaught|crash(?:ed)?|internal error|orchestrator|startup failed|failed to start"
    r"|could not start|cannot start|exiting|aborting|terminating|main loop|service (?:error|failed))\b",
    re.IGNORECASE,
)
_INTERRUPTS = ("KeyboardInterrupt", "SystemExit")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended: the lines [start, end) show it; `settled` when a wider window cannot change it."""

    kind: CrashKind
    errors: tuple[CrashError, ...]
    start: int
    end: int
    settled: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """The events of one run, with the healthy lines counted up to each line."""

    lines: Sequence[str]
    start: int
    shutdown: int
    signal: int | None
    events: tuple[Event, ...]
    healthy: tuple[int, ...]

    def healthy_after(self, event: Event) -> int:
        """Healthy lines between an event and the orderly shutdown."""
        return max(0, self.healthy[max(self.shutdown, event.end)] - event.healthy)


def scan(lines: Sequence[str], *, complete: bool, alive: bool = False) -> Verdict | None:
    """How the last run in `lines` ended, None when there is nothing but blank lines.

    `complete` says that the lines are the whole log, `alive` that what was survived counts too.
    """
    text = "\n".join(lines).lower()
    if not text.strip():
        return None
    start = run_start(lines, text)
    run = _read(lines, start or 0, text)
    whole = complete or start is not None
    event = _final(run, alive)
    if event is None:
        return _without_error(run, whole)
    return _verdict(event, whole or _is_settled(event, run))


def _is_settled(event: Event, run: _Run) -> bool:
    """Whether earlier lines than the window's cannot make another event the crash, or begin this one."""
    if event.kind == "error_line":
        return len(run.lines) > _WIDE
    above = run.lines[max(0, event.start - _NEAR) : event.start]
    begins_here = not python_trace.continues(run.lines[event.start], above)
    return event.start >= _NEAR and begins_here and run.healthy_after(event) == 0


def _without_error(run: _Run, whole: bool) -> Verdict:
    ended = run.shutdown < len(run.lines)
    begin = max(run.start, len(run.lines) - _CONTEXT_LINES)
    return Verdict("stopped" if ended else "no_trace", (), begin, len(run.lines), whole)


def _verdict(event: Event, settled: bool) -> Verdict:
    kinds: dict[EventKind, CrashKind] = {
        "traceback": "traceback",
        "node": "node",
        "unretrieved": "unretrieved_task",
        "error_line": "error_line",
        "aside": "traceback",
    }
    kind = kinds[event.kind]
    if event.errors and event.errors[-1].name in _INTERRUPTS:
        kind = "stopped"
    return Verdict(kind, event.errors, event.start, event.end, settled)


def _read(lines: Sequence[str], start: int, text: str) -> _Run:
    events: list[Event] = []
    healthy = [0] * (start + 1)
    index = start
    while index < len(lines):
        event = event_at(lines, index, events[-1].end if events else start, healthy[-1])
        end = max(event.end, index + 1) if event else index + 1
        if event is not None:
            events.append(event)
        count = healthy[-1] + (1 if event is None and _is_healthy(lines[index]) else 0)
        healthy += [count] * (end - index)
        index = end
    shutdown = shutdown_start(lines, start, text)
    first = len(lines) if shutdown is None else shutdown
    signal = next((i for i in range(first, len(lines)) if is_signal(lines[i])), None)
    return _Run(lines, start, first, signal, tuple(events), tuple(healthy))


def _is_healthy(line: str) -> bool:
    return bool(line.strip()) and ("WARN" not in line or level_of(line) != "WARN")


def _final(run: _Run, alive: bool) -> Event | None:
    live = [event for event in run.events if alive or not _survived(event, run)]
    traces = [event for event in live if event.kind in ("traceback", "node")]
    tasks = [event for event in live if event.kind == "unretrieved"]
    errors = [event for event in live if event.kind == "error_line"]
    chosen = _trace(traces, tasks)
    line = _error_line(errors, run)
    if chosen is None:
        return line
    if line is not None and _overrules(line, chosen):
        return line
    return chosen


def _survived(event: Event, run: _Run) -> bool:
    """Whether what followed an event shows that the run went on, or ended for another reason."""
    after = run.healthy_after(event)
    if event.kind == "aside" or after > SURVIVED_LINES:
        return True
    if after >= _SEVERAL and _seconds_after(event, run) > SURVIVED_SECONDS:
        return True
    if run.signal is None or event.uncaught:
        return False
    if event.start > run.signal:
        return event.kind == "error_line"
    return after > 0


def _seconds_after(event: Event, run: _Run) -> float:
    last = min(run.shutdown, len(run.lines) - 1)
    before = _time(run, range(event.end - 1, max(-1, event.start - 20), -1))
    after = _time(run, range(last, event.end - 1, -1))
    return (after - before).total_seconds() if before and after else 0.0


def _time(run: _Run, indices: range) -> datetime | None:
    return next((moment for index in indices if (moment := time_of(run.lines[index]))), None)


def _trace(traces: list[Event], tasks: list[Event]) -> Event | None:
    """The traceback that ended the run; a task's own counts where healthy lines came between."""
    main = [event for event in traces if event.uncaught] or traces
    last = main[-1] if main else None
    task = tasks[-1] if tasks else None
    if last is None or task is None:
        return last or task
    between = task.healthy - last.healthy
    return task if between > (_LATE_THREADS if last.uncaught else 0) else last


def _error_line(errors: list[Event], run: _Run) -> Event | None:
    """The last ERROR line before the shutdown, one that sounds fatal before the others."""
    before = [event for event in errors if event.start < run.shutdown] or errors
    fatal = [event for event in before if event.uncaught or _FATAL.search(run.lines[event.start])]
    return next(reversed(fatal or before), None)


def _overrules(line: Event, trace: Event) -> bool:
    """Whether an ERROR line tells of a later and other death than the traceback before it."""
    if trace.uncaught or line.start < trace.end or line.healthy <= trace.healthy or not line.errors:
        return False
    message = line.errors[-1].message
    return not any(e.message.partition("\n")[0] in message for e in trace.errors if e.message)
