"""The exit codes of every command. Imports nothing heavy: the watch reads those of its heals."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    NO_PATCH = 3
    NO_KEY = 4
    REFUSED = 5
    BUDGET = 6
    BUSY = 7
    INTERRUPTED = 130
