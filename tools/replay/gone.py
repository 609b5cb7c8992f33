"""Whether a crash is gone in the strict sense: what crashed ran, nothing is told, nothing is lost.

Labels of the patch's text are not judged here; this is behaviour only.
"""

from __future__ import annotations

from sandbox.patch import Patch
from tools.replay.replay import Replay
from tools.replay.served import awaited_of, both, common, serves_less

STEPS_BACK = 2
TOLD = 6


def gone(replay: Replay, patch: Patch) -> list[str]:
    """Why the crash cannot be called gone with a patch, a sentence each; empty when it is gone.

    Compared with what the service served at the last good commit where one of the last changes
    gives one, else with what it served on the base before it crashed.
    """
    base = replay.of(None)
    if base.verdict != "reproduced":
        return [f"the crash was not reproduced on the base: {base.why}"]
    patched = replay.of(patch)
    if patched.verdict != "beats":
        return [patched.why]
    return replay.doubts(patch) or lost(replay, patch)


def lost(replay: Replay, patch: Patch) -> list[str]:
    """What is served less than before, after a second look at both.

    What seems lost is waited for in a more patient boot; and what the reference itself does not
    serve every time is no loss.
    """
    good = replay.last_good(STEPS_BACK)
    reference = (good or replay.of(None)).report
    report = replay.of(patch).report
    if not serves_less(reference, report):
        return []
    again = replay.again(patch, awaited_of(reference, report))
    if again.verdict != "beats":
        return [again.why]
    if not serves_less(reference, both(report, again.report)):
        return []
    steady = replay.once_more(good).report if good else reference
    return serves_less(common(reference, steady), both(report, again.report))[:TOLD]
