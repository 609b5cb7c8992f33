"""Every crash that a run printed, in the order of its output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from tools.logs import Crash, CrashError
from tools.logs.frames import likely_path
from tools.logs.lines import is_log_line, level_of, message_of
from tools.logs.node_trace import NodeTrace, is_frame, is_version
from tools.logs.node_trace import parse as parse_node
from tools.logs.python_trace import is_header, parse

_BY_STOPPING = frozenset({"KeyboardInterrupt", "SystemExit", "CancelledError"})
_UNRETRIEVED = re.compile(r"(?:Task|Future) exception was never retrieved|Exception in thread ")
_ASIDE = re.compile(
    r"Exception ignored (?:in(?! thread started by)|while|on)|Error in atexit|--- Logging error ---"
)
_TITLE_LINES = 3


def crashes(output: str, wanted: str = "", culprit: tuple[str, str] | None = None) -> Iterator[Crash]:
    """Every traceback that a run printed, and every ERROR line; what merely comes of stopping is left out.

    A CancelledError is none of that where it is what is `wanted`: a shutdown that ended with it. What
    Python only mentions is left out as well, unless what is `wanted` came through the `culprit`, by its path
    and function.
    """
    aside = _BY_STOPPING - ({wanted} & {"CancelledError"})
    lines = output.split("\n")
    at = floor = 0
    while at < len(lines):
        line = lines[at]
        if is_header(line):
            trace = parse(lines, at)
            if (found := _traceback(lines, at, trace.errors, trace.end, aside, wanted, culprit)) is not None:
                yield found
            at = floor = max(trace.end, at + 1)
            continue
        if is_log_line(line) and level_of(line) == "ERROR":
            yield Crash("error_line", (CrashError("", message_of(line)),), line, at + 1)
        elif (node := _node(lines, at, floor)) is not None:
            yield Crash("node", node.errors, "\n".join(lines[node.start : node.end]), node.start + 1)
            at = floor = max(node.end, at + 1)
            continue
        at += 1


def _node(lines: Sequence[str], at: int, floor: int) -> NodeTrace | None:
    """What Node printed of an error, found by its first frame, or by what Node says last."""
    line = lines[at]
    return parse_node(lines, at, floor) if is_frame(line) or is_version(line) else None


def _traceback(
    lines: list[str],
    at: int,
    errors: tuple[CrashError, ...],
    end: int,
    aside: frozenset[str],
    wanted: str,
    culprit: tuple[str, str] | None,
) -> Crash | None:
    title = lines[max(0, at - _TITLE_LINES) : at]
    if not errors or errors[-1].name in aside:
        return None
    if any(map(_ASIDE.match, title)) and not _is_through(errors, wanted, culprit):
        return None
    unretrieved = any(_UNRETRIEVED.search(line) for line in title)
    kind: Literal["unretrieved_task", "traceback"] = "unretrieved_task" if unretrieved else "traceback"
    return Crash(kind, errors, "\n".join(lines[at:end]), at + 1)


def _is_through(errors: tuple[CrashError, ...], wanted: str, place: tuple[str, str] | None) -> bool:
    frames = (frame for error in errors if error.name == wanted for frame in error.frames)
    return any((likely_path(frame), frame.function) == place for frame in frames)
