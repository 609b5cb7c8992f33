"""What a wrong edit probably meant: the nearest real lines and names, for an error that can be acted on."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_SHOWN_LINES = 24
_SHOWN_WIDTH = 200
_COMPARED_LINES = 20_000
_WORD = re.compile(r"\w+")


def nearest_lines(text: str, search: str) -> str:
    """The numbered lines of `text` that are most like `search`, or its first lines if nothing is."""
    lines, wanted = text.splitlines(), search.splitlines()
    if not lines:
        return "The file is empty."
    start = _best_start(lines, wanted)
    if start is None:
        return f"Nothing in it is alike. It begins:\n{numbered(lines, 0, 10)}"
    hint = _difference(lines[start : start + len(wanted)], wanted)
    return f"The nearest lines are:\n{numbered(lines, start - 2, start + len(wanted) + 2)}{hint}"


def numbered(lines: Sequence[str], start: int, end: int) -> str:
    """Lines `start` to `end` (0-based, end not included), each with its number; bounded."""
    start = max(start, 0)
    end = min(end, len(lines), start + _SHOWN_LINES)
    return "\n".join(f"{number + 1:>6} | {lines[number][:_SHOWN_WIDTH]}" for number in range(start, end))


def nearest_names(path: str, names: Iterable[str]) -> str:
    """A sentence that names up to three existing files like `path`, or nothing."""
    known = list(names)
    same = [name for name in known if name.rsplit("/", 1)[-1] == path.rsplit("/", 1)[-1]]
    alike = same or difflib.get_close_matches(path, known[:_COMPARED_LINES], n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(alike[:3])}?" if alike else ""


def _best_start(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """The line at which most of the wanted lines agree but for blanks; else where one line is alike."""
    votes: Counter[int] = Counter()
    offsets: dict[str, list[int]] = {}
    for offset, line in enumerate(wanted[:_SHOWN_LINES]):
        if len(line.strip()) > 2:
            offsets.setdefault(line.strip(), []).append(offset)
    for number, line in enumerate(lines):
        for offset in offsets.get(line.strip(), ()):
            votes[number - offset] += 1
    if votes:
        return max(0, max(votes, key=lambda start: (votes[start], -start)))
    return _most_alike(lines, wanted)


def _most_alike(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    offset, longest = max(enumerate(wanted[:_SHOWN_LINES]), key=lambda pair: len(pair[1]), default=(0, ""))
    number = _sharing_words(lines, longest)
    if number is None:
        number = _similar(lines, longest.strip()[:_SHOWN_WIDTH])
    return None if number is None else max(0, number - offset)


def _sharing_words(lines: Sequence[str], wanted: str) -> int | None:
    """The line that shares the most words, each weighted by how rare it is; None if no line shares half."""
    words = set(_WORD.findall(wanted))
    shared = [words.intersection(_WORD.findall(line)) for line in lines]
    common = Counter(word for found in shared for word in found)
    best = max(range(len(lines)), key=lambda at: sum(1 / common[word] for word in shared[at]))
    return best if 2 * len(shared[best]) >= len(words) > 0 else None


def _similar(lines: Sequence[str], wanted: str) -> int | None:
    """The line whose letters are most like the wanted ones."""
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    best, where = 0.55, None
    for number, line in enumerate(lines[:_COMPARED_LINES]):
        matcher.set_seq1(line.strip()[:_SHOWN_WIDTH])
        if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best and matcher.ratio() > best:
            best, where = matcher.ratio(), number
    return where


def _difference(found: Sequence[str], wanted: Sequence[str]) -> str:
    if [line.split() for line in found] != [line.split() for line in wanted]:
        return ""
    tabs = " The file has tabs there." if any("\t" in line for line in found) else ""
    return f"\nThey differ from the search text in blanks only: copy the indentation exactly.{tabs}"
