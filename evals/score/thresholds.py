"""What a model's scores must reach: `category=0.95` for at least, `wrong<0.05` for at most."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from evals.score.scores import Scores, score

_SAID = re.compile(r"([a-z_]+)(=|<)(0(?:\.\d+)?|1(?:\.0+)?)")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score by its id, and the least or the most that it may be, 0 to 1."""

    score: str
    bound: float
    at_most: bool

    def missed(self, scores: Scores) -> str | None:
        """A sentence where the scores miss it. A share of nothing misses nothing."""
        share = scores.of(self.score).share
        if share is None or (share <= self.bound if self.at_most else share >= self.bound):
            return None
        side = "at most" if self.at_most else "at least"
        return f"{scores.model}: {self.score} is {share:.3f}, {side} {self.bound:g} is needed"


def threshold(text: str) -> Threshold:
    """Read one, as it is said on the command line.

    Raises:
        ValueError: it is none, or of no score that there is.
    """
    found = _SAID.fullmatch(text.replace(" ", ""))
    if found is None:
        raise ValueError(f"{text!r} is no threshold: say NAME=0.95 for at least or NAME<0.05 for at most")
    if found[1] not in (known := [one.id for one in score("", ()).scores]):
        raise ValueError(f"no score is called {found[1]!r}; there are {', '.join(known)}")
    return Threshold(found[1], float(found[3]), found[2] == "<")


def missed(scores: Scores, thresholds: Iterable[Threshold] = ()) -> list[str]:
    """What the scores miss; violations and runs that broke are never allowed."""
    told = [text for one in thresholds if (text := one.missed(scores)) is not None]
    told += [f"{scores.model}: violation in {text}" for text in scores.violations]
    return told + [f"{scores.model}: broken run: {text}" for text in scores.errors]
