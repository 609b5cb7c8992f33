"""Whether a script's changed lines are the old ones again, token by token, but for what repairs put in.

That is `?.`, a default that is written down, a guard for what stands behind it, an `await`, `filter(Boolean)`
before what goes through the rest, and another word where the crash is about the one that was there. New
statements ask for what crashed and leave, give a part of it a name, or write to the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from agent.proof.labels.plain import script_shapes as shapes
from agent.proof.labels.plain.script_shapes import Tokens, at
from agent.proof.labels.plain.words import SCRIPT_WORD, Words
from agent.proof.labels.script_tokens import KEYWORDS, Token, lines_of, tokens_of

_NEAR = 12
"""How many lines below a guard there may be to what crashed."""
_FURTHEST, _ABOVE = 3, 40
"""How many names lie between what crashed and where that came from, and how many lines."""
_MOST = 1500
"""How many tokens may be compared at once."""
_BEFORE_GUARD = frozenset({"=", "(", ",", ":", "return", "=>", "[", "&&"})
_NOT_GUARDED = frozenset({"?", "||", "??", "=", "=>"})
_SIFTED = (".", "filter", "(", "Boolean", ")")
_GOES_THROUGH = frozenset({"map", "flatMap", "forEach"})
_NOT_WRONG = re.compile(r"\((?:reading|setting) '[^']{0,200}'\)")


def mended(old: str, new: str, lines: frozenset[int], said: str, words: Words) -> Iterator[str]:
    """What the new source has that is no repair of the lines of the old one that crashed."""
    had, has = tokens_of(old), tokens_of(new)
    wide = shapes.expanded(had, has)
    if max(len(had), len(wide)) > shapes.MOST:
        yield "a script that is too long to compare"
        return
    repair = _Repair(had, wide, lines, _NOT_WRONG.sub("", said), words)
    was, now = _by_line(had), _by_line(wide)
    shown = (lines_of(old), lines_of(new))
    keys = [repr([token.word for token in had[a:b]]) for a, b in was]
    new_keys = [repr([token.word for token in wide[a:b]]) for a, b in now]
    for kind, first, last, start, end in SequenceMatcher(None, keys, new_keys, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        i, j = _from(was, first, len(had)), _from(now, start, len(wide))
        i_end, j_end = _from(was, last, len(had)), _from(now, end, len(wide))
        stopped = repair.stops_at(i, i_end, j, j_end)
        if stopped is None:
            continue
        if i < i_end:
            at_line = next((t.line for t in had[i:i_end] if t.line in lines), had[i].line)
            yield f"`{_shown(shown[0], at_line)}` is something else now"
        else:
            yield f"adds `{_shown(shown[1], wide[stopped].line)}`"


def coded(source: str) -> frozenset[int]:
    """The lines on which anything but a comment stands."""
    return frozenset(
        token.line + further for token in tokens_of(source) for further in range(len(lines_of(token.text)))
    )


def _shown(lines: list[str], number: int) -> str:
    return lines[number - 1].strip()[:80] if number <= len(lines) else ""


def _by_line(tokens: Tokens) -> list[tuple[int, int]]:
    """Where the tokens of each line begin and end."""
    starts = [i for i in range(len(tokens)) if i == 0 or tokens[i].line != tokens[i - 1].line]
    return list(zip(starts, [*starts[1:], len(tokens)], strict=False))


def _from(ranges: list[tuple[int, int]], index: int, end: int) -> int:
    return ranges[index][0] if index < len(ranges) else end


class _Repair:
    """Both sources as tokens, and what the crash tells of the old one."""

    def __init__(
        self, old: list[Token], new: list[Token], lines: frozenset[int], said: str, words: Words
    ) -> None:
        self._old, self._new, self._lines, self._words = old, new, lines, words
        self._said = frozenset(SCRIPT_WORD.findall(said)) - KEYWORDS
        self._whole = said
        self._ranges = _by_line(old)

    def stops_at(self, i: int, i_end: int, j: int, j_end: int) -> int | None:
        """The furthest new token up to which those of the old range are there again; None: all of it."""
        if i_end - i + j_end - j > _MOST:
            return j
        furthest, open_, seen = j, [(i, j)], {(i, j)}
        while open_:
            old, new = open_.pop()
            if (old, new) == (i_end, j_end):
                return None
            furthest = max(furthest, new)
            for step in self._steps(old, new):
                if step not in seen and step[0] <= i_end and step[1] <= j_end:
                    seen.add(step)
                    open_.append(step)
        return min(furthest, len(self._new) - 1)

    def _steps(self, i: int, j: int) -> Iterator[tuple[int, int]]:
        """Both sides further on: what is put in first, so that what is the same is tried before it."""
        old, new = self._old, self._new
        if j >= len(new):
            return
        added = self._statement(i, j) if shapes.begins(new, j) else None
        put_in = added or shapes.default(new, j) or self._guarded(j) or self._sifted(j)
        if put_in is not None:
            yield i, put_in
        if at(new, j) == "await" and shapes.is_word(new, j + 1) and at(new, j - 1) not in (".", "?."):
            yield i, j + 1
        if at(new, j) == "?." and at(new, j + 1) in ("[", "("):
            yield i, j + 1
        if at(new, j) == "(":
            yield from self._wrapped(i, j)
        if i < len(old) and (
            old[i].word == new[j].word
            or (at(old, i) == "." and at(new, j) == "?." and shapes.is_name(new, j + 1))
            or self._is_renamed(old[i], new[j])
        ):
            yield i + 1, j + 1

    def _statement(self, i: int, j: int) -> int | None:
        """Where a new statement ends that asks for what crashed, tells of it, or gives it a name."""
        new = self._new
        part = shapes.named(new, j)
        if part is not None:
            return part[1] + 1 if at(new, part[1] + 1) != "else" and self._is_met(i, [part]) else None
        found = shapes.guard(new, j) or shapes.log(new, j)
        return found[0] if found is not None and self._is_met(i, found[1]) else None

    def _is_met(self, i: int, parts: list[tuple[int, int]]) -> bool:
        met = self._met(i)
        return all(any(_stands(self._new[a:b], each) for each in met) for a, b in parts)

    def _met(self, i: int) -> list[Tokens]:
        """The lines that crashed and are reached without leaving the block, and where they came from."""
        old, found = self._old, list[int]()
        here = old[i].line if i < len(old) else 0
        depth = 0
        for number, (first, last) in enumerate(self._ranges):
            if last <= i or old[first].line > here + _NEAR or depth < 0:
                continue
            if old[first].line in self._lines:
                found.append(number)
            for token in old[max(first, i) : last]:
                depth += (token.text in "{(") - (token.text in "})") if token.kind == "mark" else 0
                depth = -_MOST if token.text in ("function", "class") else depth
                if depth < 0:
                    break
        for _ in range(_FURTHEST):
            found = list(dict.fromkeys([*found, *self._sources(found)]))
        return [old[slice(*self._ranges[number])] for number in found]

    def _sources(self, numbers: list[int]) -> Iterator[int]:
        """The lines above that give a name which these lines read."""
        for number in numbers:
            first, last = self._ranges[number]
            read = {self._old[k].text for k in range(first, last) if shapes.is_reading(self._old, k)}
            for above in range(number - 1, max(0, number - _ABOVE) - 1, -1):
                texts = [token.text for token in self._old[slice(*self._ranges[above])]]
                if "function" in texts or "class" in texts:
                    break
                if texts[0] in ("const", "let") and "=" in texts and read & {*texts[: texts.index("=")]}:
                    yield above

    def _guarded(self, j: int) -> int | None:
        """Behind `x && ` where x stands in what comes then, and nothing there has another meaning by it."""
        new = self._new
        end = shapes.chain(new, j)
        if end is None or at(new, end) != "&&" or at(new, j - 1) not in _BEFORE_GUARD:
            return None
        depth, last = 0, end + 1
        while last < len(new) and last < end + 200:
            text = new[last].text if new[last].kind == "mark" else ""
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
            if depth < 0 or (depth == 0 and text in (",", ";")):
                break
            if depth == 0 and text in _NOT_GUARDED:
                return None
            last += 1
        return end + 1 if _stands(new[j:end], new[end + 1 : last]) else None

    def _sifted(self, j: int) -> int | None:
        """Behind `.filter(Boolean)` where all that is left is gone through."""
        new, end = self._new, j + len(_SIFTED)
        if tuple(token.text for token in new[j:end]) != _SIFTED:
            return None
        return end if at(new, end) == "." and at(new, end + 1) in _GOES_THROUGH else None

    def _wrapped(self, i: int, j: int) -> Iterator[tuple[int, int]]:
        """`(x ?? [])` and `(await x)` for x, where that is one operand."""
        old, new = self._old, self._new
        if shapes.is_word(new, j - 1) or at(new, j - 1) in (".", "?.", ")", "]", "new", "function"):
            return
        first = j + 1 + (at(new, j + 1) == "await")
        end = shapes.chain(new, first, called=True)
        if end is None:
            return
        closed = shapes.default(new, end) if at(new, end) in ("??", "||") else end
        if closed is None or at(new, closed) != ")" or (closed == end and first == j + 1):
            return
        core = shapes.plain(new[first:end])
        for last in range(i + 1, min(len(old), i + end - first) + 1):
            if shapes.plain(old[i:last]) == core and at(old, last) != "(":
                yield last, closed + 1

    def _is_renamed(self, old: Token, new: Token) -> bool:
        """Whether the crash is about the word that was there, and the service knows the one that is."""
        if old.kind != new.kind or old.kind not in ("name", "text"):
            return False
        if old.kind == "text":
            known = all(map(self._words.knows, SCRIPT_WORD.findall(new.text)))
            return old.text[1:-1] != "" and f"'{old.text[1:-1]}'" in self._whole and known
        return old.text in self._said and new.text not in KEYWORDS and self._words.knows(new.text)


def _stands(part: Tokens, line: Tokens) -> bool:
    """Whether data is read in a line just so, and is no member of something else there."""
    wanted, found = shapes.plain(part), shapes.plain(line)
    return any(
        found[k : k + len(wanted)] == wanted and (k == 0 or found[k - 1] != ".")
        for k in range(len(found) - len(wanted) + 1)
    )
