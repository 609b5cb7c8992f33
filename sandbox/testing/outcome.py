"""What a test run came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "missing"]
Frames = tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a test did not pass.

    type     of the exception, as a traceback prints it: `KeyError`, `redis.exceptions.ConnectionError`
    frames   those in the repository: path, 1-based line, function; the innermost last
    text     the end of the traceback and the message, short
    """

    type: str
    message: str
    frames: Frames
    text: str


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test. `missing` is one that was expected and not heard of; only `passed` is a pass.

    `calls` are the ways of a patch's new test into the code under test, by what they were called
    with: `id.count` each, and `id.count!Type` for those that an exception of this type ended. `claims`
    are how many claims a test of Node made that held; None where that is not known.
    """

    __test__ = False

    node: str
    status: Status
    failure: Failure | None = None
    calls: frozenset[str] = frozenset()
    claims: int | None = None


@dataclass(frozen=True, slots=True)
class TestRun:
    """The outcomes by node id.

    problem     why there is no verdict (not collectable, tampering, origin, crash, timeout), or None
    tampering   what the patch does to look better than it is, a line each
    output      the end of what the tests printed
    notes       what else a reader should know, such as tests that were run as the base has them
    fewer       claims of tests that are made less often than on the base, where and how often
    """

    __test__ = False

    outcomes: Mapping[str, TestOutcome]
    problem: str | None
    tampering: tuple[str, ...]
    output: str
    seconds: float
    notes: tuple[str, ...] = ()
    fewer: tuple[str, ...] = ()

    def passed(self, node: str) -> bool:
        """Whether this test passed, in a run that has a verdict."""
        outcome = self.outcomes.get(node)
        return self.problem is None and outcome is not None and outcome.status == "passed"
