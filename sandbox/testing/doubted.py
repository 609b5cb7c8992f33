"""What the runs of twins show, in which each test must fail at its end, and no false claim may hold."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sandbox.testing.verdict import Verdict

_CONFIRMATIONS = 2
_HELD = "passes also when its claim is turned around"
_ENDED = "does not come to its end when its claims are doubted ({})"
_PROBLEM = "twin: the tests come to no end when their claims are doubted: {}"

_Odd = tuple[str, str]


@dataclass(frozen=True)
class Doubted:
    """What twins gave away: tests, each with how, and why there is no verdict."""

    tests: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def doubted(
    passed: Collection[str], first: Verdict, again: Callable[[], Verdict], on_base: Callable[[], Verdict]
) -> Doubted:
    """What is odd again and again in the twins of a patch, and is not so in those of its base.

    passed   tests that passed in the patch's true run: their twins must be heard of, and fail at their end
    first    what the patch's twins came to;  `again` runs them once more, `on_base` on the base

    What is odd on the base excuses this claim of this test, and no other.
    """
    if not (first.problem or _odd(first, passed)):
        return Doubted()
    base, run = on_base(), first
    known, tests = _odd(base, passed), dict[str, str]()
    for number in range(_CONFIRMATIONS + 1):
        run = again() if number else first
        # Without an end, what was not heard of says nothing of the test; the run itself is to blame.
        expected = () if run.problem or base.problem else passed
        news = {node: _told(how) for node, how in sorted(_odd(run, expected) - known)}
        tests = {node: how for node, how in news.items() if node in tests or not number}
        stuck = run.problem if not base.problem else None
        if not (tests or stuck):
            break
    return Doubted(tests, _PROBLEM.format(stuck) if stuck else None)


def _odd(twin: Verdict, expected: Collection[str]) -> frozenset[_Odd]:
    """Tests with the false claims that held, or with how they ended if they did not fail."""
    held = {(node, claim) for node, outcome in twin.outcomes.items() for claim in outcome.held}
    ends = {node: twin.outcomes[node].status if node in twin.outcomes else "missing" for node in expected}
    return frozenset(held | {(node, status) for node, status in ends.items() if status != "failed"})


def _told(how: str) -> str:
    return _HELD if how == "passed" or how.isdecimal() else _ENDED.format(how)
