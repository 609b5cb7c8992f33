"""Which tests may stand for an incident: they fail as it did, and do not choose what to do by the code.

A test that first looks which version of the code it runs on can fail on the base and pass on any
patch. Where the captured world does not show the crash, such a test would be all there is. So a
new test counts only if nothing in its files decides by the code under test, and if it was seen to
make the same calls into that code on both (`same_way`); what these calls give it is behaviour, and
is believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.testing import COMPUTES, TestOutcome, TestRun
from tools.logs import Crash

_TELLING = re.compile(r"NoneType|attribute '\w+'|argument:? '\w+'")
_TELLING_TYPES = frozenset({"TypeError", "AttributeError"})


def fails_as(crash: Crash | None, service: str, outcome: TestOutcome) -> bool:
    """Whether a failing test fails as the incident did: its exception, raised through its culprit.

    Types of exceptions that say what the code lacks must say the same; other messages tell of data.
    """
    culprit = crash.culprit(service) if crash else None
    final = crash.final if crash else None
    if outcome.failure is None or culprit is None or final is None:
        return False
    if _is_python(outcome.node.partition("::")[0]) != _is_python(culprit.repo_path or ""):
        # No test of the one language runs code of the other.
        return False
    through = {(path, function) for path, _, function in outcome.failure.frames}
    name = outcome.failure.type.rpartition(".")[2]
    if name != final.name or (culprit.repo_path, culprit.function) not in through:
        return False
    told = set(_TELLING.findall(final.message)) if name in _TELLING_TYPES else set[str]()
    return told <= set(_TELLING.findall(outcome.failure.message))


def passed(run: TestRun, node: str) -> bool:
    """Whether one test passed in every round of a run."""
    outcome = run.outcomes.get(node)
    return outcome is not None and outcome.status == "passed"


def noted(run: TestRun, nodes: list[str]) -> list[str]:
    """What a run notes of these tests, such as that only plain pytest does not pass them."""
    return [note for note in run.notes if any(note.startswith(f"{node} ") for node in nodes)]


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def same_way(crash: Crash | None, before: TestOutcome, run: TestRun) -> bool:
    """Whether a test did to the patch what it did to the base, and what failed there goes well now.

    `before` is its outcome on the base, `run` one of the patch that has it. A test of Node is not
    watched at its calls, and is taken at its word. Where the code computes with an object of the test's
    own making, what comes of it is the test's doing, on both.
    """
    if not _is_python(before.node.partition("::")[0]):
        return True
    name = crash.final.name if crash and crash.final else ""
    failed = {call for call in before.calls if call.endswith(f"!{name}")}
    made = {call for call in before.calls if "!" not in call}
    own = run.outcomes[before.node].calls
    if any(call.endswith(COMPUTES) for call in before.calls | own):
        return False
    shared = {call for outcome in run.outcomes.values() for call in outcome.calls if call.startswith("~")}
    again = {call.partition(".")[0] for call in own if call.endswith(f"!{name}")}
    return bool(failed) and made <= own | shared and again.isdisjoint(c.partition(".")[0] for c in failed)


def why_none(brought: bool, chosen: Sequence[str], silent: Sequence[str] = ()) -> str:
    """Why no test shows that the incident's failure is mended. `silent` are tests that claim nothing."""
    if not brought:
        return "the patch brings no new test"
    if silent and not chosen:
        return f"a test that makes no claim shows nothing: {', '.join(silent[:3])}"
    if chosen:
        told = "; ".join(chosen[:3])
        return f"a test that chooses what to do by the code it runs on shows nothing: {told}"
    return "no new test fails on the base with the incident's exception at its culprit"
