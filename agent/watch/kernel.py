"""What the kernel says of a death that left no word: did it kill something for lack of memory?"""

from __future__ import annotations

from pathlib import Path

COUNTERS = Path("/proc/vmstat")


def out_of_memory_kills() -> int | None:
    """How many processes the kernel killed for lack of memory since boot; None where it does not say."""
    try:
        for line in COUNTERS.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    except (OSError, ValueError):
        return None
    return None
