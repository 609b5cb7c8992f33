"""Whether a patch was tried on what crashed the base, by the digests of what the culprit was called with.

A call is told part by part: its arguments and what a method's object holds must be what they were on the
base. What the code names beside may be otherwise, but for all calls: else it would be a switch. What the
patch adds must have been so for data that never crashed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

CAME_BACK, CRASHED_ON, GIVEN = "=", "%", "&"
NO_DATA, NOT_NOTED, UNTOLD = "*", "?", "?" * 8
BESIDE = "c"
_NAMED, _PART = 5, 13
"""Characters of a part: its kind and its name's digest, and then its own."""

Tried = Literal["tried", "not tried", "cannot be told"]


@dataclass(frozen=True)
class Call:
    """The digests of one call's parts by the kind and name of each."""

    parts: dict[str, str]

    @classmethod
    def read(cls, told: str) -> Call:
        """Out of what a boot tells of a call."""
        parts = (told[at : at + _PART] for at in range(0, len(told), _PART))
        return cls({part[:_NAMED]: part[_NAMED:] for part in parts})

    @property
    def data(self) -> dict[str, str]:
        """The parts that must be the same."""
        return {name: told for name, told in self.parts.items() if name[0] != BESIDE}

    def has(self, other: Call) -> bool:
        """Whether it was given the same data."""
        return other.data.items() <= self.parts.items()

    def steady(self, other: Call) -> Call:
        """What of it was the same in another boot."""
        return Call({name: told for name, told in self.parts.items() if other.parts.get(name) == told})


@dataclass(frozen=True)
class Calls:
    """The calls of the culprit in one boot, as they are told: those that crashed, came back, and all."""

    crashed: frozenset[str]
    came_back: frozenset[str]
    given: frozenset[str]

    @property
    def is_whole(self) -> bool:
        """Whether all of them are told."""
        return NOT_NOTED not in self.crashed | self.came_back | self.given


def tried(base: Calls, patched: Calls, again: Callable[[], Calls]) -> Tried:
    """Whether a call that came back had been given what crashed on the base.

    `again` gives the calls of another boot of the base, to see what is another one each time.
    """
    if NO_DATA in base.crashed:
        return "tried"
    crashed = _calls(base.crashed)
    search = _Search(
        _calls(patched.came_back), _calls(patched.came_back | patched.given), _calls(base.came_back)
    )
    if found := [each for each in crashed if search.finds(each, each)]:
        return "tried" if any(map(_is_told, found)) else "cannot be told"
    seconds = _calls(again().crashed) if crashed else []
    steady = [
        (
            each,
            max((each.steady(other) for other in seconds), key=lambda call: len(call.data), default=Call({})),
        )
        for each in crashed
    ]
    if any(search.finds(each, same) for each, same in steady if same.data):
        return "tried"
    lost = not crashed or any(each.data and not same.data for each, same in steady)
    told = base.is_whole and patched.is_whole and all(map(_is_told, crashed)) and not lost
    return "not tried" if told else "cannot be told"


def _calls(told: Iterable[str]) -> list[Call]:
    return [Call.read(each) for each in sorted(told) if each not in (NO_DATA, NOT_NOTED)]


def _is_told(base: Call) -> bool:
    return UNTOLD not in base.data.values()


@dataclass(frozen=True)
class _Search:
    """The calls with a patch: those that came back, and all; and those that came back on the base."""

    backs: list[Call]
    every: list[Call]
    good: list[Call]

    def finds(self, base: Call, steady: Call) -> bool:
        """Whether a call that came back had what is `steady` of this one of the base, without a switch."""
        same = (call for call in self.backs if call.has(steady))
        return any(not self._is_switched(base, steady, call) for call in same)

    def _is_switched(self, base: Call, steady: Call, call: Call) -> bool:
        """Whether something beside it is otherwise than on the base, or new and not so on good data."""
        return any(
            self._is_changed(name, told, steady) if name in base.parts else self._is_odd(name, told)
            for name, told in call.parts.items()
            if name not in steady.data and told != UNTOLD
        )

    def _is_changed(self, name: str, told: str, steady: Call) -> bool:
        """Not so where it is the same for all calls: then the patch changed a constant."""
        if steady.parts.get(name) in (None, UNTOLD, told):
            return False
        return len({each.parts[name] for each in self.every if name in each.parts}) > 1

    def _is_odd(self, name: str, told: str) -> bool:
        good = (each for each in self.every if any(map(each.has, self.good)))
        values = {each.parts[name] for each in good if name in each.parts}
        return bool(values) and told not in values
