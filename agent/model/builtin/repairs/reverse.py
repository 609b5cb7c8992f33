"""The last resort: the lines of one hunk as they were before the change that touched the culprit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from agent.model.builtin.conclude import REVERTS
from agent.model.builtin.desk import Absent
from agent.model.builtin.incident import Spot
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, Unreadable, parse
from agent.model.builtin.talk import Asking

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_WORD = re.compile(r"\w+|[^\w\s]")
LAST = 9
"""The rank: after every repair that says what is wrong."""
REPLACED = LAST + 1
"""The rank where a change put something in: that was somebody's wish, and is given up last."""
MOST = 3
_REFUSAL = re.compile(r"(?:raise|assert)\b")


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of lines that a commit changed: `old` became `new`, which begins at a line (0-based) after it."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    start: int

    @property
    def rank(self) -> int:
        return LAST if _is_less(self.old, self.new) else REPLACED


def reversed_hunk(scene: Scene) -> Asking[list[Candidate]]:
    """One hunk of the newest changes to the culprit function taken back, each hunk by itself.

    Those that only took something away come first, as nothing is lost with them. Whatever put something in
    is gone once it is taken back, its crash as well: only a test shows that the rest does what it did. Where
    the code refuses by its own `raise` or `assert`, that is not taken back at all.
    """
    at = yield from scene.here()
    culprit = scene.incident.culprit
    if at is None or not scene.history or scene.draft or culprit is None or culprit.path != at[0].path:
        return []
    spot, source = at
    commits = scene.incident.commits
    yield from scene.desk.look([(spot.path, commit) for commit in commits])
    texts = []
    for commit in commits:
        read = yield from scene.desk.read(spot.path, commit)
        texts.append("" if isinstance(read, Absent) else read)
    refuses = bool(spot.code and _REFUSAL.match(spot.code.strip()))
    found: list[Candidate] = []
    for place, commit in enumerate(commits[:-1]):
        newer, older = texts[place], texts[place + 1]
        for hunk in _hunks(older, newer) if newer and older else ():
            if refuses and hunk.rank > LAST:
                continue
            text = _taken_back(source.text, newer, hunk)
            if _touches(newer, hunk, spot) and text is not None and _is_whole(text, spot):
                why = f"{REVERTS} {commit}, which changed what crashed; the lines before it are back"
                risk = f"{REVERTS} {commit}: what that change was made for may be lost (workaround)"
                files, wish = {spot.path: text}, hunk.rank > LAST
                found.append(
                    Candidate(why, files, rank=hunk.rank, hides=True, risk=risk, spot=spot, tested=wish)
                )
    return sorted(found, key=lambda one: one.rank)[:MOST]


def _hunks(older: str, newer: str) -> Iterator[Hunk]:
    """The hunks of a change; changes with one line between them are one, changed comments are none."""
    old, new = older.splitlines(keepends=True), newer.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(1):
        changed = [one for one in group if one[0] != "equal"]
        start, end, first, last = changed[0][1], changed[-1][2], changed[0][3], changed[-1][4]
        if _words(old[start:end]) != _words(new[first:last]):
            yield Hunk(tuple(old[start:end]), tuple(new[first:last]), first)


def _is_less(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether new lines are the old ones with words left out: words, in their order, comments apart."""
    left, kept = _words(old), _words(new)
    rest = iter(left)
    return len(kept) < len(left) and all(word in rest for word in kept)


def _words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in _WORD.findall(_COMMENT.sub("", line))]


def _touches(newer: str, hunk: Hunk, spot: Spot) -> bool:
    """Whether a hunk lies in the function that crashed; at the top of a file, by its lines."""
    source = _parsed(newer)
    first, last = hunk.start + 1, hunk.start + max(1, len(hunk.new))
    if source is None:
        return False
    if spot.function == "<module>":
        return any(spot.code and spot.code in line for line in hunk.new)
    names = spot.function.strip("<>")
    places = [source.places[one] for one in source.nodes(cst.FunctionDef) if one.name.value == names]
    return any(place.start.line <= last and first <= place.end.line for place in places)


def _taken_back(now: str, newer: str, hunk: Hunk) -> str | None:
    """The file of today with the old lines of a hunk; None where its lines are not there just once."""
    lines, current = newer.splitlines(keepends=True), now.splitlines(keepends=True)
    end = hunk.start + len(hunk.new)
    above, below = lines[max(0, hunk.start - 2) : hunk.start], lines[end : end + 2]
    wanted = [*above, *hunk.new, *below]
    places = [at for at in range(len(current)) if current[at : at + len(wanted)] == wanted]
    if len(places) != 1:
        return None
    at = places[0]
    return "".join([*current[:at], *above, *hunk.old, *below, *current[at + len(wanted) :]])


def _is_whole(text: str, spot: Spot) -> bool:
    """Whether what comes of it is Python that still has the function."""
    source = _parsed(text)
    names = {one.name.value for one in source.nodes(cst.FunctionDef)} if source else set()
    return source is not None and (spot.function.startswith("<") or spot.function in names)


def _parsed(text: str) -> Source | None:
    try:
        return parse(text)
    except Unreadable:
        return None
