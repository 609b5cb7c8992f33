"""What a box tells of a run: outcomes of tests, and what of them is odd."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sandbox.testing.outcome import Failure, Status


class RawFailure(BaseModel):
    """A failure as the box tells it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = "?"
    message: str = ""
    frames: tuple[tuple[str, int, str], ...] = ()
    text: str = ""

    def as_failure(self) -> Failure:
        """The same, for the outside."""
        return Failure(self.type, self.message, self.frames, self.text or f"{self.type}: {self.message}")


class RawOutcome(BaseModel):
    """One test's outcome as the box tells it.

    parts    blocks of its body that ran to their end, and claims that were made: where, and how often; of
             several runs, 0 where they do not agree
    idle     claims of each of several things that were not made, since there was no such thing
    shared   claims that were made beside it, for several tests
    escapes  functions of the tests that a failed claim left for code under test
    calls    its ways into the code under test
    held     false claims of its twin that held
    claims   how many of node:assert held, of a test of Node
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Status
    failure: RawFailure | None = None
    parts: dict[str, int] = {}
    idle: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    escapes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    claims: int | None = None


class Verdict(BaseModel):
    """What the supervisor in the box made of a run."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    outcomes: dict[str, RawOutcome] = {}
    suspects: tuple[tuple[str, str], ...] = ()
    tampering: tuple[str, ...] = ()
    problem: str | None = None
    untracked: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()
    watched: tuple[tuple[str, str], ...] = ()
    output: str = ""
    notes: tuple[str, ...] = ()
    fewer: tuple[str, ...] = ()
