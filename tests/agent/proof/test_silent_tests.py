"""A new test of Node that makes no claim fails on the base as the incident did, and proves nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agent.proof import Climb
from agent.proof import climb as rungs
from sandbox.testing import Failure, TestOutcome, TestRun

NEW, OLD = "services/sse/test/new.test.js::reads", "services/sse/test/old.test.js::reads"
HUB = "services/sse/src/hub.js"
CRASHED = Failure("TypeError", "x is not a function", ((HUB, 3, "read"),), "TypeError: x is not a function")
CRASH: Any = SimpleNamespace(
    culprit=lambda service: SimpleNamespace(repo_path=HUB, function="read"),
    final=SimpleNamespace(name="TypeError", message="x is not a function"),
)


def shown(monkeypatch: pytest.MonkeyPatch, node: str, claims: int | None) -> Any:
    """The rung, for one test that failed on the base and passes with the patch by so many claims."""
    before = TestRun({node: TestOutcome(node, "failed", CRASHED, claims=0)}, None, (), "", 0.0)
    after = TestRun({node: TestOutcome(node, "passed", claims=claims)}, None, (), "", 0.0)
    for name, found in {"tests_only": object(), "contents": {}, "switches": []}.items():
        monkeypatch.setattr(rungs, name, lambda *_, found=found: found)
    patch: Any = SimpleNamespace(
        base="0" * 40, files=[SimpleNamespace(path=NEW.partition("::")[0], kind="added")]
    )
    tests: Any = SimpleNamespace(run=lambda _, __, what, **___: after if what is patch else before)
    unused: Any = None
    climb = Climb(patch, CRASH, "sse", unused, unused, tests, unused, 1, (), lambda _: None)
    climb.rungs["gone"] = SimpleNamespace(state="not shown")  # type: ignore[assignment]
    climb.regression_test()
    return climb.rungs["regression test"]


def test_a_test_without_a_claim_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rung = shown(monkeypatch, NEW, 0)

    assert (rung.state, rung.detail) == ("not shown", f"a test that makes no claim shows nothing: {NEW}")


@pytest.mark.parametrize(("node", "claims"), [(NEW, 1), (NEW, None), (OLD, 0)])
def test_what_claims_something_or_was_there_before_shows_it(
    monkeypatch: pytest.MonkeyPatch, node: str, claims: int | None
) -> None:
    assert shown(monkeypatch, node, claims).state == "shown"
