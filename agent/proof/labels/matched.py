"""What of a kind is new in a patch: the base has it neither at another place nor in another form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher

_LOOKED_AT = 1000
_MOST_PAIRS = 10_000
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Find:
    """One construct: the function it stands in, what it is, what it is about, and its whole text.

    Two of them in one function with the same `what`, or with much the same `about`, are one that was edited.
    """

    place: str
    what: str
    about: str
    text: str
    shown: str = field(default="", compare=False)


def fresh(before: Iterable[Find], after: Iterable[Find]) -> list[Find]:
    """What is found after and was not before, whether as it is, moved, or edited where it stood."""
    lost = Counter(before)
    new = Counter(after)
    both = lost & new
    lost, new = lost - both, new - both
    # Who compares too much is taken to have written it all anew.
    ways = (_is_moved, _is_edited) if len(lost) * len(new) < _MOST_PAIRS else (_is_moved,)
    for is_one in ways:
        for find in list(new.elements()):
            old = next((each for each in lost if lost[each] > 0 and is_one(each, find)), None)
            if old is not None:
                lost[old] -= 1
                new[find] -= 1
        new = +new
    return list(new.elements())


def _is_moved(old: Find, new: Find) -> bool:
    return old.text == new.text


def _is_edited(old: Find, new: Find) -> bool:
    if old.place != new.place or not (old.about and new.about):
        return (old.place, old.what) == (new.place, new.what)
    alike = SequenceMatcher(None, old.about[:_LOOKED_AT], new.about[:_LOOKED_AT]).ratio() > _ALIKE
    return old.what == new.what or alike
