"""How functions of a Node service are left: V8 stops the process at each error, and tells its stack.

An error that is handled in the function in which it came up does not leave it. To tell, the process takes
one step from the error: to its handler, if there is one on the stack.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MODULE, ANONYMOUS = "<module>", "<anonymous>"
_ERRORS = ("exception", "promiseRejection")
_TYPE = re.compile(r"(?:Uncaught )?([A-Za-z_$][\w$]*)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
RETURNED, RAISED, NAMELESS = "->", "!", "?"
_UNFLAG = "process.execArgv.splice(0)"
"""What it starts by fork would wait for an inspector, too."""

Place = tuple[str, str]
Ask = Callable[..., None]


class ErrorWatch:
    """The errors that left functions in the files `watched`, counted where they came up."""

    def __init__(self, watched: frozenset[str], path_of: Callable[[str], str]) -> None:
        """`path_of` gives the repository path of a script of the service, nothing for any other URL."""
        self.watched, self._path_of = watched, path_of
        self._scripts: dict[str, str] = {}
        self._left: Counter[tuple[Place, str]] = Counter()
        self._came_up: set[tuple[Place, str]] = set()
        self._raised: tuple[Place, int, str] | None = None

    def ends(self, calls: Mapping[Place, int]) -> set[str]:
        """The ways in which watched functions were left, given how often they were called."""
        self._was_left()
        errors: Counter[Place] = Counter()
        for (place, _), count in self._left.items():
            errors[place] += count
        called = ((place, count) for place, count in calls.items() if place[0] in self.watched)
        returned = {(place, RETURNED) for place, count in called if count > errors[place]}
        raised = {(place, f"{RAISED}{error}") for place, error in self._came_up}
        return {f"{path}:{name} {how}" for (path, name), how in {*self._left, *returned, *raised}}

    def parsed(self, script: dict[str, Any]) -> None:
        """A script was loaded."""
        if path := self._path_of(script["url"]):
            self._scripts[script["scriptId"]] = path

    def paused(self, ask: Ask, event: dict[str, Any]) -> None:
        """It was stopped: at its first line, at an error, or where an error of before is handled."""
        frames, reason = event["callFrames"], event["reason"]
        if reason == "Break on start":
            ask("Runtime.evaluate", expression=_UNFLAG)
        elif reason not in _ERRORS and self._is_where_it_was_raised(frames):
            self._raised = None
        self._was_left()
        step = "Debugger.resume"
        if reason in _ERRORS:
            place, depth = self._innermost(frames)
            if place is not None and place[0] in self.watched:
                self._raised = (place, depth, error := _type_of(event.get("data", {})))
                self._came_up.add((place, error))
                step = "Debugger.stepOver"
        ask(step)

    def _is_where_it_was_raised(self, frames: Sequence[Mapping[str, Any]]) -> bool:
        return self._raised is not None and self._raised[:2] == (self._at(frames, 0), len(frames))

    def _was_left(self) -> None:
        """The error of before was not handled where it was raised, so it left the function."""
        if self._raised is not None:
            place, _, error = self._raised
            self._left[place, error] += 1
            self._raised = None

    def _innermost(self, frames: Sequence[Mapping[str, Any]]) -> tuple[Place | None, int]:
        """The innermost function of the service, and how many frames there are up to it."""
        places = ((self._at(frames, index), len(frames) - index) for index in range(len(frames)))
        return next((found for found in places if found[0] is not None), (None, 0))

    def _at(self, frames: Sequence[Mapping[str, Any]], index: int) -> Place | None:
        frame = frames[index] if index < len(frames) else None
        path = self._scripts.get(frame["location"]["scriptId"]) if frame else None
        if frame is None or path is None:
            return None
        began = frame.get("functionLocation", {})
        top = began.get("lineNumber") == 0 and began.get("columnNumber") == 0
        return path, plain(frame["functionName"]) or (MODULE if top else ANONYMOUS)


def plain(name: str) -> str:
    """A function's name without what it was called on, and without `get` and `set`."""
    return name.rpartition(".")[2].rpartition(" ")[2]


def _type_of(error: Mapping[str, Any]) -> str:
    """The type as Node would print it; of what is no object, what it is."""
    found = _TYPE.match(str(error.get("description", "")))
    names = (found[1] if found else "", error.get("className", ""), error.get("type", ""))
    return next((name for name in map(str, names) if _NAME.fullmatch(name)), NAMELESS)
