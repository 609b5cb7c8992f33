"""What a tool is: one pydantic model that is its schema, its validation and its documentation.

ToolError    goes back to the model as the result of its call, and the run goes on
Limit        (agent.limits) ends the run with the best diagnosis so far
the rest     is recorded by the run and raised
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from sandbox.patch import Patch
    from sandbox.testing import TestBench
    from sandbox.worktree import PrivateRepository
    from tools.incident import IncidentFolder
    from tools.redact import Redactor
    from tools.replay import Replay
    from tools.repository import Repository

RESULT_CHARACTERS = 8_000
"""The most that one tool result may hold: about 2,000 tokens."""
REPLAY = "replay::boots_and_beats"
"""The replay's name among the tests: a model asks for it by that, and reads its answer under that."""


class ToolError(Exception):
    """A call that could not be answered; the message tells the model what to do instead."""


@dataclass(slots=True)
class Workbench:
    """What the six tools work on: one incident of one service at one commit.

    `tests` and `replay` are None where no sandbox passed its probes: then nothing of the
    target's code is run. `patch` is the last proposal that the gate let through, `reason` why it was made.
    """

    folder: IncidentFolder
    service: str
    repository: Repository
    gate: PrivateRepository
    redact: Redactor
    tests: TestBench | None = None
    replay: Replay | None = None
    live_logs: Path | None = None
    patch: Patch | None = None
    reason: str = ""


class Tool(BaseModel, ABC):
    """A tool's arguments. The docstring of a subclass is what the model reads about it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: ClassVar[str]

    @abstractmethod
    def run(self, bench: Workbench) -> str:
        """Answer the call in plain text.

        Raises:
            ToolError: the call cannot be answered; the message says what to do instead.
        """

    def answer(self, bench: Workbench) -> str:
        """The answer as it may leave the machine: redacted and bounded."""
        return bounded(bench.redact(self.run(bench)))


def bounded(text: str, limit: int = RESULT_CHARACTERS) -> str:
    """Cut a text in its middle to `limit` characters, and say so."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3 - 80
    dropped = len(text) - head - tail
    return f"{text[:head]}\n[... {dropped} characters cut here: ask for a smaller part ...]\n{text[-tail:]}"
