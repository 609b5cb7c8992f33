"""What happens during a run, as typed events: the journal, the terminal and `--json` read the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Subclasses say what; `kind` is the class name in the journal."""

    @property
    def kind(self) -> str:
        """The stable name of this event."""
        return type(self).__name__

    def record(self) -> dict[str, Any]:
        """The event as JSON-ready data."""
        return {"event": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A run began on an incident."""

    incident: str
    service: str
    commit: str
    repo: str
    run: int


@dataclass(frozen=True, slots=True)
class Captured(Event):
    """The incident's world is at hand: what the log ends with, in a line."""

    folder: str
    crash: str


@dataclass(frozen=True, slots=True)
class Triaged(Event):
    """What the rules say before any model is asked."""

    category: str
    verdict: str
    confidence: float
    why: str


@dataclass(frozen=True, slots=True)
class SandboxChosen(Event):
    """The isolation whose probes passed, or why there is none."""

    name: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Asked(Event):
    """One answered model request. Tokens are counts, cost is US dollars (None: price unknown)."""

    step: int
    model: str
    served: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ToolUsed(Event):
    """One tool call and the first line of its answer."""

    name: str
    arguments: str
    answer: str
    error: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Something that the reader of a report must know, in a sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelLeft(Noted):
    """A model failed and is asked no more in this run: which one, and why."""

    model: str
    why: str


@dataclass(frozen=True, slots=True)
class Proposed(Event):
    """A patch that the gate let through is about to be judged."""

    tree: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Climbed(Event):
    """One rung of the proof ladder was tried."""

    rung: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class Diagnosed(Event):
    """The model's or the triage's structured answer."""

    category: str
    fixable: bool
    root_cause: str


@dataclass(frozen=True, slots=True)
class LookedBack(Event):
    """What history says: the change that brought the crash, and the quick way back."""

    told: str


@dataclass(frozen=True, slots=True)
class BranchIntended(Event):
    """Written through before the target repository is touched: what is about to appear there."""

    ref: str
    base: str
    tree: str


@dataclass(frozen=True, slots=True)
class BranchMade(Event):
    """The branch exists in the target repository."""

    ref: str
    commit: str


@dataclass(frozen=True, slots=True)
class PushIntended(Event):
    """Written through before a remote is touched."""

    remote: str
    ref: str
    commit: str


@dataclass(frozen=True, slots=True)
class Pushed(Event):
    """The remote has the branch."""

    remote: str
    ref: str


@dataclass(frozen=True, slots=True)
class PullRequestIntended(Event):
    """Written through before a forge is asked for a pull request."""

    forge: str
    head: str


@dataclass(frozen=True, slots=True)
class PullRequestOpened(Event):
    """There is one pull request. `how` is "opened", "found" (of a run that was killed) or "updated"."""

    url: str
    how: str


@dataclass(frozen=True, slots=True)
class PublishFailed(Event):
    """The branch stays where it is; `text` says what is missing to bring it further."""

    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The run is over. `outcome` is one of `agent.diagnosis.Outcome`, times are seconds."""

    outcome: str
    summary: str
    seconds: float
    cost_usd: float


Emit = Callable[[Event], None]

WRITTEN_THROUGH = (
    Started, Proposed, Diagnosed, BranchIntended, BranchMade,
    PushIntended, Pushed, PullRequestIntended, PullRequestOpened, Ended,
)  # fmt: skip
"""Events that are on the disk before the next step begins."""
