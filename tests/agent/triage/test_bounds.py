"""Triage is quick, whatever the log is, and never falls over it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.agent.triage.conftest import World

RULES = "services/vigil/intel/rules.py"
ERRORS = [
    "KeyError: 'spot'",
    "KeyError: '{'",
    "ImportError: cannot import name 'x' from 'services.vigil.intel.rules' (/x)",
    "ImportError: cannot import name '__' from 'shared.' (/x)",
    "ModuleNotFoundError: No module named '..'",
    "ModuleNotFoundError: No module named 'services.vigil..x'",
    "AttributeError: module 'a.b' has no attribute 'c'",
    "Error: Cannot find module '../../../../../etc/passwd'",
    "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 99999)",
    "RuntimeError: Component '\\x00 (.*' missing in Truth",
    "RuntimeError: A_B is not set",
    "ValueError",
    "",
]


@given(
    error=st.sampled_from(ERRORS) | st.text(max_size=60), frame=st.sampled_from([RULES, "shared/x.py", "a"])
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_log_breaks_it(world: World, error: str, frame: str) -> None:
    found = world.triage(world.raised(error, frame))
    diagnosis = found.to_diagnosis()
    assert 0 <= found.confidence <= 1 and found.text
    assert diagnosis.fixable == (found.verdict == "fixable")
    assert found.verdict != "not_fixable" or found.reason


def test_a_normal_incident_takes_a_moment(world: World) -> None:
    log = world.run("{}['spot']")
    world.triage(log)
    started = time.process_time()
    world.triage(log)
    assert time.process_time() - started < 0.3


def test_a_huge_log_takes_no_longer(world: World) -> None:
    world.triage("x")
    log = world.root / "incident" / "log.txt"
    with log.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + world.raised("KeyError: 'spot'", RULES).encode())
    started = time.process_time()
    found = world.triage(None)
    assert time.process_time() - started < 1
    assert found.verdict == "fixable"
