"""Replay: the captured world booted again, and what that says about the crash and a patch."""

from tools.replay.gone import gone
from tools.replay.history import Bisected, bisect, changes
from tools.replay.replay import Replay, Replayed
from tools.replay.served import serves_less
from tools.replay.verdict import Judged, Verdict, judge

__all__ = [
    "Bisected",
    "Judged",
    "Replay",
    "Replayed",
    "Verdict",
    "bisect",
    "changes",
    "gone",
    "judge",
    "serves_less",
]
