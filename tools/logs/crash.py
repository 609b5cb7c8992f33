"""The crash that ended the last run of a log."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tools.logs.frames import (
    CrashError,
    CrashKind,
    Frame,
    Owner,
    is_foreign,
    is_test,
    likely_path,
    mapped,
    owner_of,
    posix_path,
    repository_path,
)
from tools.logs.lines import uncoloured
from tools.logs.scan import Verdict, scan
from tools.logs.tail import Window, windows

TEXT_CHARACTERS = 20_000
"""The most log text that a crash carries; what is more is cut in its middle."""


@dataclass(frozen=True, slots=True)
class Crash:
    """How the last run of a log ended.

    `errors` are the exceptions with the final one last; `text` is the log text that shows them
    (for `no_trace` and `stopped` the last lines); `line` is where that text starts, 1-based in
    the window that was read, and `offset` the same in bytes from the start of the file.
    """

    kind: CrashKind
    errors: tuple[CrashError, ...]
    text: str
    line: int
    offset: int = 0

    @property
    def final(self) -> CrashError | None:
        """The exception that ended the run; of an exception group its first member."""
        return self.errors[-1] if self.errors else None

    def culprit(self, service: str) -> Frame | None:
        """The innermost frame of the final error in the service's own code, tests apart."""
        frames = self.final.frames if self.final else ()
        own = (f for f in reversed(frames) if owner_of(f, service) == "service")
        return next((frame for frame in own if not is_test(likely_path(frame))), None)

    def owner(self, service: str) -> Owner:
        """Whose code the innermost frame of the repository is; without one, whose the innermost frame is."""
        frames = self.final.frames if self.final else ()
        owners = [owner_of(frame, service) for frame in reversed(frames)]
        ours = next((owner for owner in owners if owner in ("service", "shared", "other_service")), None)
        if ours is not None:
            return ours
        return "package" if "package" in owners else next(iter(owners), "unknown")


def last_crash(log: Path | bytes, *, alive: bool = False) -> Crash | None:
    """The crash of the last run in a log, None when the log is empty.

    Args:
        log: the file, or its bytes.
        alive: the process still runs without doing its work, so what it survived counts too.

    Raises:
        LogError: the log is missing or no regular file.
    """
    for window in windows(log):
        verdict = scan([uncoloured(line) for line in window.lines], complete=window.complete, alive=alive)
        if verdict is None:
            if window.final:
                return None
            continue
        if verdict.settled or window.final:
            return _crash(verdict, window)
    return None


def map_frames(crash: Crash, exists: Callable[[str], bool]) -> Crash:
    """The crash with every frame mapped to the longest suffix of its path for which `exists` holds."""

    @lru_cache(maxsize=4096)
    def lookup(path: str) -> str | None:
        return repository_path(path, exists)

    return replace(crash, errors=tuple(mapped(error, lookup) for error in crash.errors))


_QUOTED_PATH = re.compile(r"(?:/[^\s/'\",:;()]{1,255}){2,40}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_SERVICE_PORT = re.compile(r"(?<=:)(\d{4})(?!\d)")
_WITH_DIGIT = re.compile(r"[A-Za-z_-]{0,64}\d[\w-]{0,200}")


def fingerprint(service: str, crash: Crash) -> str:
    """16 hexadecimal digits, the same for the same fault.

    Lines, PIDs, times, addresses, ids in messages and the folder of the checkout do not matter;
    the type, the kind of message, four-digit ports, and the functions it went through do.
    """
    final = crash.final
    parts = [service, crash.kind]
    if final is not None:
        parts += [final.name, normal_message(final.message), *_path_of(crash, service)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def normal_message(message: str) -> str:
    """The first line of a message with everything that changes from run to run blanked."""
    first = message.partition("\n")[0][:1000]
    first = _QUOTED_PATH.sub(lambda found: found.group().rpartition("/")[2], first)
    first = _HEX.sub("#", first)
    ports = _SERVICE_PORT.sub(lambda found: _letters(found.group()), first)
    return " ".join(_WITH_DIGIT.sub("#", ports).split())


def _letters(digits: str) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in digits)


def _path_of(crash: Crash, service: str) -> list[str]:
    culprit, final = crash.culprit(service), crash.final
    innermost = final.frames[-1] if final and final.frames else None
    return [_place(frame) for frame in (culprit, innermost) if frame is not None]


def _place(frame: Frame) -> str:
    path = likely_path(frame)
    if is_foreign(posix_path(path)) or (frame.repo_path is None and path.startswith("/")):
        path = path.rpartition("/")[2]
    return f"{path}:{frame.function}"


def _crash(verdict: Verdict, window: Window) -> Crash:
    text = "\n".join(window.lines[verdict.start : verdict.end])
    if len(text) > TEXT_CHARACTERS:
        half = TEXT_CHARACTERS // 2
        text = f"{text[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{text[-half:]}"
    return Crash(verdict.kind, verdict.errors, text, verdict.start + 1, window.starts[verdict.start])
