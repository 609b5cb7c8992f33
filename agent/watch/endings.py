"""How a process ended, by what its log says last."""

from __future__ import annotations

from agent.watch.picture import Ending
from tools.logs import Crash, fingerprint, last_crash

LONGEST_ERROR = 200
UNCAUGHT = "Traceback (most recent call last)"


def ending_of(log: bytes) -> Ending:
    """How the last run in a log ended: by a crash, orderly, or without a word."""
    crash = last_crash(log)
    if crash is None or crash.kind == "no_trace":
        return Ending("silent")
    if crash.kind == "stopped":
        return Ending("orderly")
    # Without a service's name in it, the same fault in shared/ looks the same from every service.
    signature = fingerprint("", crash) if crash.final is not None else None
    return Ending("crash", error=_error(crash), signature=signature, uncaught=_ends(crash, log))


def _ends(crash: Crash, log: bytes) -> bool:
    """The interpreter's own last words: a traceback that nobody logged, and nothing after it."""
    last = crash.text.rstrip().rpartition("\n")[2].encode()
    bare = crash.text.startswith(UNCAUGHT) or crash.kind == "node"
    return bare and bool(last) and log.rstrip().endswith(last)


def _error(crash: Crash) -> str:
    if crash.final is None:
        return crash.text.strip().rpartition("\n")[2][:LONGEST_ERROR]
    words = ": ".join(part for part in (crash.final.type, crash.final.message) if part)
    return words.partition("\n")[0][:LONGEST_ERROR]
