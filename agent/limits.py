"""What a run may spend, and what it has spent: one value object, checked before each request."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agent.model.protocol import Usage


class Limit(Exception):
    """A limit was reached: the run ends with the best diagnosis so far. The message names the limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run.

    `soft_*` is where the model is told to come to an end, the others are where it is stopped.
    `cost_usd` is in US dollars, `wall_s` in seconds from the start of the run.
    """

    soft_steps: int = 12
    steps: int = 25
    soft_input_tokens: int = 150_000
    input_tokens: int = 600_000
    cost_usd: float = 1.0
    wall_s: float = 900.0


@dataclass(slots=True)
class Spent:
    """What a run has used so far; the clock starts when it is made."""

    started: float = field(default_factory=time.monotonic)
    steps: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0

    def add(self, usage: Usage) -> None:
        """Count one answered request."""
        self.steps += 1
        self.input_tokens += usage.input_tokens
        self.cached_tokens += usage.cached_tokens
        self.output_tokens += usage.output_tokens
        if usage.cost_usd is None:
            self.unpriced_calls += 1
        else:
            self.cost_usd += usage.cost_usd

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the start of the run."""
        return time.monotonic() - self.started

    def deadline(self, limits: Limits) -> float:
        """The moment, on the monotonic clock, at which the run has to end."""
        return self.started + limits.wall_s

    def check(self, limits: Limits) -> None:
        """Raise where the next request would be one too many.

        Raises:
            Limit: steps, tokens, money or time are used up.
        """
        if self.steps >= limits.steps:
            raise Limit(f"{limits.steps} steps are used up")
        if self.input_tokens >= limits.input_tokens:
            raise Limit(f"{limits.input_tokens} input tokens are used up")
        if self.cost_usd >= limits.cost_usd:
            raise Limit(f"${limits.cost_usd:.2f} is spent")
        if self.seconds >= limits.wall_s:
            raise Limit(f"{limits.wall_s:.0f} seconds have passed")

    def nearly(self, limits: Limits) -> bool:
        """Whether the model should come to an end."""
        return self.steps >= limits.soft_steps or self.input_tokens >= limits.soft_input_tokens
