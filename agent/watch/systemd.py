"""Tells systemd that the watch is ready, alive and stopping; without systemd nothing is said."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> bool:
    """Send one state, such as `READY=1`; True when there was somebody to send it to."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    # An abstract socket is written with @ and addressed with a zero byte.
    target = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(state.encode(), target)
        return True
    return False
