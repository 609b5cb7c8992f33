"""Boots one service with its own Redis servers, and MariaDB where it needs one, and reports what it did.

Runs inside the box, beside the service. The program and then a specification (JSON) come down
one pipe; a report (JSON) goes to the result channel. The service, although of the same uid,
cannot attach to this process or open its descriptors. What is reported was observed from outside
the service's process, but for the functions that it reached, which its own process notes or counts.
"""
# Every import is paid for at every boot, so pathlib and tempfile are not among them.
# ruff: noqa: PTH102

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, BinaryIO

from sandbox.inside.buses import BusError, Buses, refuse_live
from sandbox.inside.course import Course
from sandbox.inside.inspector import InspectorError
from sandbox.inside.mysql import MySql
from sandbox.inside.resp import RespError

RESULT_FD = "AUTOHEALER_RESULT_FD"
PR_SET_DUMPABLE = 4
SCRATCH = "/tmp/boot"
SERVERS_START_S = 0.06
"""What the start of the servers takes where nothing else is going on: the measure of a machine's load."""
SLOWEST_PACE = 4.0


def main(stream: BinaryIO) -> None:
    """Boot what the specification in `stream` asks for; the report goes to the result channel."""
    result = int(os.environ.pop(RESULT_FD))
    os.set_inheritable(result, False)
    hide()
    specification = json.load(stream)
    try:
        report = boot(specification)
    except (BusError, RespError, InspectorError, OSError) as error:
        report = {"problem": f"{type(error).__name__}: {error}"}
    with os.fdopen(result, "wb") as channel:
        channel.write(json.dumps(report).encode())


def hide() -> None:
    """Forbid processes of the same uid to attach to this one or to open its descriptors."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def boot(specification: dict[str, Any]) -> dict[str, Any]:
    """Start the servers, fill them, run the service to its end and report."""
    refuse_live([*specification["buses"].values(), *specification["closed_ports"]])
    scratch = f"{SCRATCH}-{os.urandom(8).hex()}"
    os.mkdir(scratch, 0o700)
    began = time.monotonic()
    buses = Buses(specification["valkey"], specification["buses"], scratch)
    mysql = None
    try:
        buses.connect()
        pace = min(max(1.0, (time.monotonic() - began) / SERVERS_START_S), SLOWEST_PACE)
        if wanted := specification["mysql"]:
            mysql = MySql(**wanted, folder=scratch)
        buses.fill(specification["truth_bus"], specification["truth"], specification["values"])
        if mysql is not None:
            mysql.wait()
        return Course(specification, buses, scratch, pace).run()
    finally:
        buses.kill()
        if mysql is not None:
            mysql.kill()
