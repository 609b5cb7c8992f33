"""Where the last run of a log starts, and where its orderly shutdown starts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tools.logs.lines import is_error_line, is_log_line

BANNER = re.compile(r"\bStarting\s+[\w./-]{1,80}\s+at\s+.{0,40}\d\d?:\d\d")
_RULE = re.compile(r"\s*[=\-#*_━─═]{5,}\s*$")
_SETUP = re.compile(
    r"\b(?:logutil|setupbase|setup_base)\b"
    r"|\bsetup (?:starting|started|begins?|phase)\b"
    r"|\b(?:loading|loaded) (?:truth|config(?:uration)?)\b|\btruth loaded\b|\bconfig(?:uration)? loaded\b"
    r"|\b(?:service|process|server process) (?:starting|started|booting)\b|\bstarting (?:up|service)\b"
    r"|\bstarted server process\b|\bheartbeat (?:thread )?start(?:ed|ing)\b",
    re.IGNORECASE,
)
_SIGNAL = re.compile(
    r"\bSIG(?:TERM|INT|HUP|QUIT)\b|\bsignal received\b"
    r"|\b(?:received|caught|got) (?:a )?(?:shutdown |stop |term )?signal\b"
    r"|\bsignal (?:2|15)\b|\bshutdown requested\b|\bstop requested\b",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"\bshutting down\b|\bshut ?down\b|\bgraceful(?:ly)?\b|\bexiting\b|\bgoodbye\b"
    r"|\bfinished server process\b|\bservice stopped\b|\bstopping\b|\bstopped\b",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\bclos(?:ed|ing)\b|\bcancel(?:l?ed|l?ing)\b|\bclean(?:ed)? ?up\b|\bterminat(?:ed|ing)\b|\bteardown\b"
    r"|\bdisconnect(?:ed|ing)\b|\bexited\b|\bdrain(?:ed|ing)\b|\bflush(?:ed|ing)\b|\bunsubscribed\b|\bbye\b",
    re.IGNORECASE,
)
_SETUP_WORDS = ("logutil", "setup", "truth", "config", "starting", "started", "booting", "heartbeat")
_STOP_WORDS = (
    "shut",
    "stop",
    "signal",
    "sigterm",
    "sigint",
    "sighup",
    "sigquit",
    "graceful",
    "exiting",
    "goodbye",
    "finished",
)
_TRACEBACK = "Traceback (most recent call last)"
_SETUP_GAP = 30
_SHUTDOWN_GAP = 15
_AFTER_SHUTDOWN = 40


def run_start(lines: Sequence[str], text: str) -> int | None:
    """The index of the first line of the last run; None when it cannot be seen in `lines`.

    `text` is the lines as one lower-case text: most logs can be told by it at a glance.
    """
    banner = _last_banner(lines) if "starting" in text else None
    inferred = None
    if any(word in text for word in _SETUP_WORDS):
        inferred = _inferred_start(lines, banner + 1 if banner is not None else 0)
    if banner is None:
        return inferred
    if inferred is not None and any(ends_run(line) for line in lines[banner:inferred]):
        return inferred
    while banner > 0 and _RULE.match(lines[banner - 1]):
        banner -= 1
    return banner


def ends_run(line: str) -> bool:
    """Whether a line may be among the last of a run."""
    return _TRACEBACK in line or is_signal(line) or _STRONG.search(line) is not None


def is_signal(line: str) -> bool:
    """Whether a line says that somebody asked the process to stop."""
    return _SIGNAL.search(line) is not None


def shutdown_start(lines: Sequence[str], start: int, text: str) -> int | None:
    """The index at which the orderly shutdown at the end of a run starts, None when there is none.

    `text` is the lines as one lower-case text.
    """
    if not any(word in text for word in _STOP_WORDS):
        return None
    first: int | None = None
    last_seen = len(lines)
    strong = False
    reach = _AFTER_SHUTDOWN
    for index in range(len(lines) - 1, start - 1, -1):
        if last_seen - index > reach:
            break
        line = lines[index]
        is_strong = is_signal(line) or _STRONG.search(line) is not None
        if is_strong or _WEAK.search(line):
            first, last_seen, reach = index, index, _SHUTDOWN_GAP
            strong = strong or is_strong
    return first if strong else None


def _opens_run(line: str) -> bool:
    """Whether a line belongs to the set-up of a service.

    Tracebacks name SetupBase and LogUtil too, in their source lines and in their messages.
    """
    return is_log_line(line) and not is_error_line(line) and _SETUP.search(line) is not None


def _last_banner(lines: Sequence[str]) -> int | None:
    indices = range(len(lines) - 1, -1, -1)
    return next((i for i in indices if "Starting" in lines[i] and BANNER.search(lines[i])), None)


def _inferred_start(lines: Sequence[str], floor: int) -> int | None:
    """The first of the last cluster of set-up lines with no end of a run in between."""
    start: int | None = None
    for index in range(len(lines) - 1, floor - 1, -1):
        if start is not None and (start - index > _SETUP_GAP or ends_run(lines[index])):
            break
        if _opens_run(lines[index]):
            start = index
    return start
