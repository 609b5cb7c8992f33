"""What differs between two runs of the same incident and means nothing, made equal.

One function for every recorded run: times, durations, process ids, object ids, ports, addresses,
call ids, temporary names, absolute paths, and what the interpreter's version adds to a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

LIBRARY = (
    r"(?:/[^\s\"':,]{0,300})?/(?:lib(?:64)?/python3\.\d+|Python\.framework/[^\s\"':,]{0,300}|site-packages)"
    r"/[^\s\"':,]{1,300}"
)
TOP_FOLDERS = (r"services|shared|scripts|truth", r"docs|tests|logs|\.pids|\.venv")
PLACE = r"[^\s\"'`<>:,;()\[\]{}|]"
HOST_ROOTS = r"tmp|private|var|home|root|Users|work|opt|usr|run|mnt|Library|workspace|builds|srv|data"

BEFORE = r"^[ |]{0,40}(?:\d{1,9} {2})?[ |]{0,40}"
"""What may stand before a line of a traceback: marks of a group, the number that read_log gave it."""

RULES: tuple[tuple[str, str], ...] = (
    # A frame outside of the repository, with the code under it: its lines are the interpreter's.
    (
        rf"(?m){BEFORE}File \"(?:{LIBRARY}|<frozen [^>\n]*>)\", line \d+, in .*\n"
        rf"(?:{BEFORE}(?: {{4}}|\t).*\n)*",
        "",
    ),
    (rf"(?m){BEFORE}(?:[\^~]+[ \^~]*|\.\.\.<\d+ lines>\.\.\.)$\n?", ""),
    # The number that read_log gives a line of a log: how long a log is depends on when it was cut.
    (r"(?m)^(?=[ \d]{6}\d {2}) *\d+ {2}", "<n>  "),
    (rf"{LIBRARY}(?::\d+)?", "<library>"),
    (r"\bpython ?3\.\d+(?:\.\d+)?\b|\bPython ?3\.\d+(?:\.\d+)?\b", "python3"),
    (r"\b20\d{6}-\d{6}-[0-9a-f]{4}\b", "<incident>"),
    # Times, before the bare numbers in them look like something else.
    (r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"\b20\d{6}[-T_]?\d{4,6}(?:[.,]\d+)?Z?(?![0-9a-f])", "<time>"),
    (r"\b20\d\d-\d\d-\d\d\b", "<date>"),
    (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
    (r"\b1[6-9]\d{8}(?:\.\d+|\d{3}|\d{6}|\d{9})?\b", "<time>"),
    (
        r"(?i)(\b\w*(?:_ts|_sec|_secs|_seconds|_ms|_at|uptime|age|elapsed|ttl_remaining|_mb|per_sec)\"?\s*[:=]\s*)"
        r"-?\d+(?:\.\d+)?",
        r"\1<n>",
    ),
    (r"\b\d+(?:\.\d+)?(\s?)(ms|µs|s|sec|secs|seconds?|minutes?|min|hours?|h)\b", r"<n>\1\2"),
    (r"\b\d+(?:\.\d+)?(\s?)(bytes|[kKMG]i?B)\b", r"<n>\1\2"),
    # Ids.
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b0x[0-9a-fA-F]{6,16}\b", "<address>"),
    (r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b", "<id>"),
    (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,39}\b", "<id>"),
    (r"\b(?:call|fc|msg|rs|resp|req|chatcmpl)[_-](?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{4,}", "<call>"),
    (r"(?i)\b(pids?\"?\s*[:=]?\s*|process(?: id)?\s+)\[?\d+\]?", r"\1<pid>"),
    (r"\[\d{2,7}\]", "[<pid>]"),
    # Places.
    (r"(?i)\b(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):\d{5}\b", r"\1:<port>"),
    (r"(?i)\b(port\"?\s*[:=]?\s*)\d{5}\b", r"\1<port>"),
    # The first folder of the repository in a path is where the repository begins.
    *((rf"(?<![\w./<>])/(?:{PLACE}{{1,300}}?/)?({folders})/", r"<root>/\1/") for folders in TOP_FOLDERS),
    (rf"(?<![\w./<>])/(?:{HOST_ROOTS})(?:/{PLACE}+)+", "<path>"),
    (r"\btmp[a-z0-9_]{8}\b", "<temporary>"),
    (r"\bpytest-of-\w+/pytest-\d+\b", "<temporary>"),
)

COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in RULES)


def normalise(text: str) -> str:
    """The text with everything that only a rerun changes replaced by placeholders. Idempotent."""
    for pattern, replacement in COMPILED:
        text = pattern.sub(replacement, text)
    return text


def normalise_json(value: Any, rule: Callable[[str], str] = normalise) -> Any:
    """JSON data with every text in it normalised; texts that hold JSON are normalised as texts."""
    if isinstance(value, str):
        return rule(value)
    if isinstance(value, list):
        return [normalise_json(entry, rule) for entry in value]
    if isinstance(value, dict):
        return {name: normalise_json(entry, rule) for name, entry in value.items()}
    return value
