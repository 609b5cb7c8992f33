"""Whether the operator's next step that was told is one that mends the case.

`actions.toml` lists for each case the steps that do, each as groups of words: a step is told where of every
group one word stands in the text. What breaks more than it mends is never right.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from evals.cases import Case

FILE = Path(__file__).with_name("actions.toml")
_WORD = re.compile(r"[a-z0-9_./:-]+")
_SMALL = frozenset(["a", "an", "and", "for", "in", "into", "is", "it", "of", "on", "or", "the", "then", "to"])

Step = Sequence[str]
"""Groups of words, each with its alternatives between bars: `start|restart`, `market-redis|6380`."""


def mends(case: Case, told: str | None) -> bool:
    """Whether this text tells one of the steps that mend a case."""
    text = " ".join((told or "").lower().split())
    if not text or any(_stands(word, text) for word in _listed()["never"]):
        return False
    return any(all(_any(group, text) for group in step) for step in steps_of(case))


def steps_of(case: Case) -> Sequence[Step]:
    """The steps that mend a case; without a list of its own, all the words of each action of its truth."""
    own: Sequence[Step] | None = _listed()["case"].get(case.id)
    return own if own is not None else [_words(action) for action in case.truth.operator_actions]


@cache
def _listed() -> Mapping[str, dict[str, Sequence[Step]]]:
    read: Mapping[str, dict[str, Sequence[Step]]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return read


def _any(group: str, text: str) -> bool:
    return any(_stands(word.strip(), text) for word in group.split("|"))


def _stands(word: str, text: str) -> bool:
    """The word begins a word of the text: `restart` is in `restarted`, `start` is not in `restart`."""
    return re.search(rf"(?<![a-z0-9_]){re.escape(word.lower())}", text) is not None


def _words(action: str) -> Step:
    return [word for word in _WORD.findall(action.lower()) if word not in _SMALL]
