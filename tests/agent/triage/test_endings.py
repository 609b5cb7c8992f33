"""Runs that ended without an error."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from agent.diagnosis import Category

if TYPE_CHECKING:
    from tests.agent.triage.conftest import World

RULES = "services/vigil/intel/rules.py"

INTERRUPTED = 'Traceback (most recent call last):\n  File "/x/services/vigil/intel/rules.py", line 5, in go\nKeyboardInterrupt\n'

HEALTHY = "".join(f"[2026-11-22 10:00:{n:02}][vigil][INFO] spot checked {n}\n" for n in range(40))


@pytest.mark.parametrize(
    ("log", "incident", "category", "verdict", "clear"),
    [
        (HEALTHY, {}, "killed", "not_fixable", True),
        (HEALTHY, {"exit_code": -9}, "killed", "not_fixable", True),
        (HEALTHY, {"exit_code": 1}, "unknown", "unclear", False),
        (HEALTHY, {"exit_code": -11}, "unknown", "unclear", False),
        (HEALTHY + "Out of memory: Killed process 4711\n", {}, "resource", "not_fixable", True),
        (HEALTHY + "[2026-11-22 10:01:00][vigil][INFO] received SIGTERM, shutting down\n", {}, "operator_stop",
         "not_fixable", True),
        (HEALTHY + INTERRUPTED, {}, "operator_stop", "not_fixable", True),
        ("", {}, "unknown", "unclear", False),
        (" Starting vigil at 2026-11-22 10:00:00\n", {}, "killed", "not_fixable", False),
    ],
)  # fmt: skip
def test_ends_without_an_error(
    world: World, log: str, incident: dict[str, Any], category: str, verdict: str, clear: bool
) -> None:
    found = world.triage(log, **incident)
    assert (found.category, found.verdict) == (category, verdict)
    assert (found.confidence >= 0.9) == clear


def test_log_that_says_nothing_is_told_with_what_to_do(world: World) -> None:
    found = world.triage("")
    assert "log is empty" in found.why and "logs/vigil.log" in found.why
    assert found.operator_action is not None and "scripts/ms-vigil.sh" in found.operator_action


def test_log_that_is_no_text_is_no_kill(world: World) -> None:
    world.triage("")
    binary = random.Random(7).randbytes(200_000)
    for log in (binary, b"\0" * 4096, HEALTHY.encode("utf-16")):
        (world.root / "incident" / "log.txt").write_bytes(log)
        found = world.triage(None)
        assert (found.category, found.verdict) == (Category.UNKNOWN, "unclear"), found.why
        assert "not text" in found.why
    for text in (HEALTHY.replace("spot", "Kurs \u00fcber \u00e4").encode("latin-1"), HEALTHY.encode()):
        (world.root / "incident" / "log.txt").write_bytes(text)
        assert world.triage(None).category == "killed"


def test_process_that_lives_is_not_called_killed(world: World) -> None:
    found = world.triage(HEALTHY, snapshot=world.health(alive=("vigil",)))
    assert (found.category, found.verdict) == (Category.UNKNOWN, "unclear")


def test_error_that_a_living_process_survived_counts(world: World) -> None:
    log = world.logged("rules internal error: 'spot'").replace("shutdown complete", "loops running") + HEALTHY
    found = world.triage(log, snapshot=world.health(alive=("vigil",)))
    assert found.crash is not None and found.crash.kind == "error_line"
    assert found.culprit is not None and found.culprit.file == RULES
