"""What of a patch's results is believed, seen beside its base's."""

from __future__ import annotations

from collections.abc import Collection

from sandbox.testing.doubted import Doubted
from sandbox.testing.outcome import TestOutcome, TestRun
from sandbox.testing.vacuous import fewer, notes, vacuous
from sandbox.testing.verdict import RawFailure, RawOutcome, Verdict

_UNHEARD = RawOutcome(
    status="failed",
    failure=RawFailure(
        type="Unheard",
        message="a claim of the tests failed, and the code under test kept that to itself",
    ),
)


def compared(before: Verdict, after: Verdict) -> Verdict:
    """A patch's verdict with what only the base can tell: tests that went missing, and new manners."""
    outcomes = dict(after.outcomes)
    if not after.suspects and after.problem is None:
        gone = before.outcomes.keys() - outcomes.keys()
        outcomes |= {node: RawOutcome(status="missing") for node in gone if not _is_file(node)}
    outcomes |= {node: _UNHEARD for node in passed(after) if _escaped(node, before, after)}
    hollow = vacuous(before, after)
    outcomes |= hollow
    watched = [pair for pair in after.watched if pair not in before.watched]
    untracked = [node for node in after.untracked if node not in before.untracked]
    for node in untracked:
        outcomes[node] = RawOutcome(status="missing")
    found = [f"run-time: {path}: {event}, which does not happen on the base" for event, path in watched]
    given = [text for text in after.tampering if text not in before.tampering]
    return after.model_copy(
        update={
            "outcomes": outcomes,
            "tampering": (*given, *found),
            "notes": (*after.notes, *notes(hollow)),
            "fewer": fewer(before, after),
        }
    )


def trusted(before: Verdict) -> Verdict:
    """A base's verdict: what looks odd in it is the service's way, not a patch's."""
    return before.model_copy(update={"tampering": ()})


def passed(verdict: Verdict) -> frozenset[str]:
    """The tests that passed."""
    return frozenset(node for node, outcome in verdict.outcomes.items() if outcome.status == "passed")


def blamed(after: Verdict, doubted: Doubted, twin: Verdict) -> Verdict:
    """A patch's verdict after its twins: false claims that held, and what else their run gave away."""
    found = [f"twin: {node} {how}" for node, how in sorted(doubted.tests.items())]
    return after.model_copy(
        update={
            "problem": after.problem or doubted.problem,
            "tampering": tuple(dict.fromkeys((*after.tampering, *twin.tampering, *found))),
            "watched": tuple(dict.fromkeys((*after.watched, *twin.watched))),
        }
    )


def leaning(after: Verdict, why: str | None) -> Verdict:
    """A verdict, with why it says nothing about the patch as it is, if that is so."""
    return after.model_copy(update={"problem": after.problem or why})


def as_run(verdict: Verdict, overruled: Collection[str], seconds: float) -> TestRun:
    """A verdict as everybody else reads it."""
    tampering = tuple(dict.fromkeys((*(text for _, text in verdict.suspects), *verdict.tampering)))
    problem = verdict.problem
    if verdict.stray:
        problem = f"origin: {verdict.stray[0]}, not from the tree under test"
    if tampering:
        problem = f"tampering: {tampering[0]}"
    outcomes = {
        node: TestOutcome(
            node,
            raw.status,
            raw.failure.as_failure() if raw.failure else None,
            frozenset(raw.calls),
            raw.claims,
        )
        for node, raw in sorted(verdict.outcomes.items())
    }
    told = tuple(f"{path} was run as the base has it" for path in overruled)
    return TestRun(
        outcomes, problem, tampering, verdict.output, seconds, (*told, *verdict.notes), verdict.fewer
    )


def _escaped(node: str, before: Verdict, after: Verdict) -> bool:
    """Whether a test passes although a failed claim left the tests, as none does on the base."""
    had = before.outcomes.get(node)
    return not set(after.outcomes[node].escapes) <= set(had.escapes if had else ())


def _is_file(node: str) -> bool:
    return "::" not in node
