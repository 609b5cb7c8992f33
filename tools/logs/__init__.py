"""Service logs: their end, however big they are, and the crash that ended the last run."""

from tools.logs.crash import Crash, fingerprint, last_crash, map_frames
from tools.logs.frames import CrashError, Frame, Owner
from tools.logs.tail import LogError

__all__ = [
    "Crash",
    "CrashError",
    "Frame",
    "LogError",
    "Owner",
    "fingerprint",
    "last_crash",
    "map_frames",
]
