"""Tests that claim less often with a patch than on the base: the branch says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agent.proof import Climb
from sandbox.testing import TestOutcome, TestRun

NODE = "services/vigil/tests/test_rows.py::test_rows"
FEWER = "services/vigil/tests/test_rows.py:8 makes 2 of 3 claims with the patch (test_rows)"


def climbed(*fewer: str) -> Any:
    run = TestRun({NODE: TestOutcome(NODE, "passed")}, None, (), "", 0.0, (), fewer)
    tests: Any = SimpleNamespace(run=lambda *_, **__: run)
    unused: Any = None
    climb = Climb(
        patch=SimpleNamespace(base="0" * 40),  # type: ignore[arg-type]
        crash=None,
        service="vigil",
        repo=unused,
        isolation=unused,
        tests=tests,
        replay=unused,
        runs=1,
        labels=(),
        emit=lambda _: None,
    )
    climb.nothing_broken()
    return climb


def test_claims_that_are_made_less_often_are_to_be_looked_at() -> None:
    assert climbed(FEWER).labels == (f"look at: {FEWER}",)
    assert climbed(FEWER).rungs["nothing broken"].state == "shown"


def test_as_many_claims_as_before_need_no_look() -> None:
    assert climbed().labels == ()
