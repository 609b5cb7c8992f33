"""What the tool calls of a run were good for."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.events import Asked, Event, ToolUsed

PATCHES = "propose_patch"


@dataclass(slots=True)
class Calls:
    """Counts over a run's events: calls, those that failed, and those that could tell nothing new.

    A repeat is a call with the name and arguments of an earlier one while no patch was let through in
    between. `patch_step` is the request after which the first patch was let through, None without one.
    """

    made: int = 0
    errors: int = 0
    repeats: int = 0
    patch_step: int | None = None
    _asked: int = 0
    _known: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, Asked):
            self._asked += 1
        elif isinstance(event, ToolUsed):
            self._count(event)

    def _count(self, used: ToolUsed) -> None:
        self.made += 1
        call = (used.name, used.arguments)
        if used.error:
            self.errors += 1
        elif call in self._known:
            self.repeats += 1
        elif used.name == PATCHES:
            self.patch_step = self.patch_step or self._asked
            self._known.clear()
        self._known.add(call)
