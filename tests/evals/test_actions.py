"""The operator's next step that was told, and what tool calls were good for."""

from __future__ import annotations

from itertools import permutations

import pytest

from agent.events import Asked, ToolUsed
from evals.cases import load_cases
from evals.run.calls import Calls
from evals.score.actions import mends

CASES = load_cases()
DUE = {name: case for name, case in CASES.items() if case.truth.operator_actions}
ALSO_MENDS = {
    ("vigil-market-redis", "vigil-red-herring"),
    ("vigil-red-herring", "vigil-market-redis"),
    ("mesh-system-redis", "journal-truth-missing"),
    ("vigil-decimal-comma", "journal-truth-missing"),
    ("vexy-operator-stop", "content-slow-start"),
    ("rss-ai-timeout", "content-slow-start"),
}
"""The action of the first is one for the second, too: the same server, publishing Truth, waiting."""


@pytest.mark.parametrize("name", DUE)
def test_what_is_true_of_a_case_mends_it(name: str) -> None:
    assert all(mends(DUE[name], action) for action in DUE[name].truth.operator_actions)


def test_the_action_of_another_case_mends_none() -> None:
    found = {
        (one, other)
        for one, other in permutations(DUE, 2)
        if any(mends(DUE[other], action) for action in DUE[one].truth.operator_actions)
    }
    assert found == ALSO_MENDS


@pytest.mark.parametrize(
    ("case", "told", "right"),
    [
        ("copilot-port-taken", "kill $(lsof -ti:8095), then scripts/ms-copilot.sh", True),
        (
            "copilot-port-taken",
            "see who listens on the port: lsof -nP -iTCP:8095 -sTCP:LISTEN; then kill that pid",
            True,
        ),
        ("copilot-port-taken", "restart copilot", False),
        ("vigil-market-redis", "Start market-redis on port 6380.", True),
        ("vigil-market-redis", "start intel-redis", False),
        ("vigil-market-redis", None, False),
        ("content-redis-password", "check Redis's state and password", False),
        ("content-redis-password", "put the password into the URL of intel-redis in Truth", True),
        ("massive-redis-full", "FLUSHALL on market-redis to free memory", False),
        ("massive-redis-full", "raise maxmemory of market-redis", True),
        ("vigil-out-of-memory", "start vigil again", False),
    ],
)
def test_a_step_is_one_that_mends_or_is_not(case: str, told: str | None, right: bool) -> None:
    assert mends(CASES[case], told) == right


def test_calls_that_fail_or_tell_the_same_again_are_counted() -> None:
    calls = Calls()

    def ask() -> None:
        calls.hear(Asked(1, "m", "m", 1, 0, 1, None, 0.1))

    def use(name: str, arguments: str, *, error: bool = False) -> None:
        calls.hear(ToolUsed(name, arguments, "", error, 0.0))

    ask()
    use("read_log", "{}")
    use("read_file", '{"path":"a"}')
    use("read_file", '{"path":"a"}')
    ask()
    use("propose_patch", "{1}", error=True)
    ask()
    use("propose_patch", "{2}")
    use("run_pytest", "{}")
    use("read_file", '{"path":"a"}')
    use("run_pytest", "{}")
    ask()
    use("propose_patch", "{3}")
    assert (calls.made, calls.errors, calls.repeats, calls.patch_step) == (9, 1, 2, 3)
