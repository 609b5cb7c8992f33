"""What the watch says happened, as pages. Imports nothing heavy: the watch is small."""

from __future__ import annotations

from agent.exit import Exit
from agent.notify.page import OURSELVES, Page, Stage
from agent.watch.signals import Kind, Signal

STAGE_OF: dict[Kind, Stage] = {
    "service_down": "down",
    "crash_loop": "down",
    "heartbeat_lost": "down",
    "redis_down": "down",
    "victim": "down",
    "service_recovered": "healed",
    "redis_recovered": "healed",
    "healed": "healed",
    "heal_refused": "no_patch",
    "trouble": "failed",
}
TELLS_ITS_END = (Exit.DONE, Exit.NO_PATCH, Exit.NO_KEY, Exit.REFUSED, Exit.BUDGET)
"""How heals end that told people themselves."""


def page_of(signal: Signal) -> Page | None:
    """The page that a signal is worth, if it is worth one."""
    about = signal.service or signal.redis or OURSELVES
    if signal.event == "heal_refused" and not signal.incident:
        return None
    cause = f"needs {signal.redis}" if signal.redis else ""
    incident = signal.incident or ""
    if signal.event == "heal_ended":
        code = signal.data.get("exit_code")
        if code in (*TELLS_ITS_END, Exit.BUSY):
            return None
        do = f"autohealer heal {incident}" if incident else ""
        return Page("failed", signal.ts, about, signal.reason, incident, cause, do=do)
    stage = STAGE_OF.get(signal.event)
    return Page(stage, signal.ts, about, signal.reason, incident, cause) if stage else None
