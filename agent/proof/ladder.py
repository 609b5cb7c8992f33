"""The rungs of the proof, and what was shown for a patch as one typed value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

RungName = Literal["in scope", "builds", "reproduced", "gone", "regression test", "nothing broken", "needed"]
State = Literal["shown", "failed", "not shown"]

LADDER: tuple[RungName, ...] = (
    "in scope", "builds", "reproduced", "gone", "regression test", "nothing broken", "needed",
)  # fmt: skip
NEEDED_FOR_A_BRANCH: tuple[RungName, ...] = ("in scope", "builds", "nothing broken")
IDLE = "without it the proof still holds"
"""What the last rung says of hunks that are not needed; where these are comes behind a colon."""
ENDS_THE_CRASH: tuple[RungName, ...] = ("gone", "regression test")


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: whether it was shown, and by what or why not."""

    name: RungName
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was shown for one patch. Every rung is in it, the ones that were not reached too."""

    rungs: tuple[Rung, ...]
    labels: tuple[str, ...] = ()

    @classmethod
    def unreached(cls, first: Rung, why: str, labels: tuple[str, ...]) -> Proof:
        """A proof of which only the first rung could be tried."""
        rest = (Rung(name, "not shown", why) for name in LADDER if name != first.name)
        return cls((first, *rest), labels)

    def in_its_own_words(self, risk: str | None) -> Proof:
        """With a label where the answer itself calls its patch a workaround and the gate saw none."""
        told = risk or ""
        if "workaround" not in told or any(label.startswith("workaround") for label in self.labels):
            return self
        return replace(self, labels=(f"workaround: {told.removesuffix(' (workaround)')}", *self.labels))

    def state(self, name: RungName) -> State:
        """What became of one rung."""
        return next(rung.state for rung in self.rungs if rung.name == name)

    @property
    def proven(self) -> bool:
        """Whether a branch may be made of the patch; never of one that drops something."""
        return (
            all(self.state(name) == "shown" for name in NEEDED_FOR_A_BRANCH)
            and any(self.state(name) == "shown" for name in ENDS_THE_CRASH)
            and not self.drops
            and not any(rung.state == "failed" for rung in self.rungs)
        )

    @property
    def drops(self) -> tuple[str, ...]:
        """The labels that say that the patch drops something and puts nothing in its place."""
        return tuple(label for label in self.labels if label.startswith("drops behaviour"))

    @property
    def why_not(self) -> str:
        """The rungs that stand between the patch and a branch, in a sentence each."""
        failed = [f"{rung.name}: {rung.detail}" for rung in self.rungs if rung.state == "failed"]
        missing = [
            f"{rung.name}: {rung.detail}"
            for rung in self.rungs
            if rung.state == "not shown" and rung.name in (*NEEDED_FOR_A_BRANCH, *ENDS_THE_CRASH)
        ]
        return "\n".join([*(failed or missing), *self.drops])

    @property
    def line(self) -> str:
        """The proof in one line."""
        shown = [rung.name for rung in self.rungs if rung.state == "shown"]
        return f"{len(shown)} of {len(self.rungs)} rungs shown: {', '.join(shown)}"
