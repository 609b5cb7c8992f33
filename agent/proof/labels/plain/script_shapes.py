"""What a plain repair puts into a script, read off its tokens: what data is called, defaults, and guards.

Each function takes tokens and where to begin, and gives where that ends, or None where it is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from agent.proof.labels.script_tokens import KEYWORDS, Token

Tokens = Sequence[Token]
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_LOGGERS = frozenset({"console", "log", "logger"})
_LEVELS = frozenset({"debug", "error", "info", "log", "warn"})
_ENDS = frozenset({",", ")", "]", "}", ";", ":"})
_MISSING = frozenset({"null", "undefined"})
MOST = 100_000
"""How many tokens a script may have."""
_LONGEST = 60
"""How many tokens something that gets a name, or stands in brackets, may have."""


def at(tokens: Tokens, index: int) -> str:
    """The text of a token, or nothing where there is none."""
    return tokens[index].text if 0 <= index < len(tokens) else ""


def is_word(tokens: Tokens, index: int) -> bool:
    """Whether there is a name that is none of the language's own."""
    return (
        0 <= index < len(tokens)
        and tokens[index].kind == "name"
        and tokens[index].text.strip() not in KEYWORDS
    )


def is_reading(tokens: Tokens, index: int) -> bool:
    """Whether a token is a variable that is read, and no member or key."""
    return (
        is_word(tokens, index) and at(tokens, index - 1) not in (".", "?.") and at(tokens, index + 1) != ":"
    )


def bracketed(tokens: Tokens, start: int) -> int | None:
    """Behind the bracket that closes the one at `start`."""
    open_: list[str] = []
    for index in range(start, min(len(tokens), start + _LONGEST)):
        text = tokens[index].text
        if tokens[index].kind == "mark" and text in _CLOSING:
            open_.append(_CLOSING[text])
        elif tokens[index].kind == "mark" and text in ")]}" and (not open_ or open_.pop() != text):
            return None
        if not open_:
            return index + 1
    return None


def chain(tokens: Tokens, start: int, *, called: bool = False) -> int | None:
    """A variable with its members: `a.b[0]?.c`, and what is called on the way if `called`."""
    if not is_word(tokens, start) and at(tokens, start) != "this":
        return None
    end = start + 1
    while True:
        following = end + (at(tokens, end) == "?.")
        if at(tokens, end) in (".", "?.") and is_name(tokens, end + 1):
            end += 2
        elif at(tokens, following) == "[" and _is_literal_index(tokens, following):
            end = following + 3
        elif called and at(tokens, following) in ("(", "["):
            closed = bracketed(tokens, following)
            if closed is None:
                return end
            end = closed
        else:
            return end


def is_name(tokens: Tokens, index: int) -> bool:
    """Whether there is any name; a member may be called what a statement is."""
    return 0 <= index < len(tokens) and tokens[index].kind == "name"


def _is_literal_index(tokens: Tokens, index: int) -> bool:
    return (
        index + 2 < len(tokens)
        and tokens[index + 1].kind in ("number", "text")
        and at(tokens, index + 2) == "]"
    )


def plain(tokens: Tokens) -> tuple[str, ...]:
    """The texts of tokens, as if every member that may be missing were there."""
    found = [
        "." if token.text == "?." and following.kind == "name" else token.text
        for token, following in pairwise([*tokens, Token("mark", "", 0)])
        if token.text != "?." or following.kind == "name"
    ]
    return tuple(found)


def literal(tokens: Tokens, start: int) -> int | None:
    """A value that is written down: null, a number, a text, or something empty."""
    if at(tokens, start) in ("null", "undefined") or (
        start < len(tokens) and tokens[start].kind in ("number", "text")
    ):
        return start + 1
    if at(tokens, start) == "-" and start + 1 < len(tokens) and tokens[start + 1].kind == "number":
        return start + 2
    return start + 2 if at(tokens, start) + at(tokens, start + 1) in ("[]", "{}") else None


def default(tokens: Tokens, start: int) -> int | None:
    """`?? null` and the like, at the end of what it is for; `||` only before something empty."""
    if at(tokens, start) not in ("??", "||"):
        return None
    end = literal(tokens, start + 1)
    if end is None or at(tokens, end) not in _ENDS:
        return None
    is_empty = at(tokens, start + 1) in ("[", "{")
    return end if at(tokens, start) == "??" or is_empty else None


def guard(tokens: Tokens, start: int) -> tuple[int, list[tuple[int, int]]] | None:
    """`if (!x) return null;`: where it ends, and where what it and its log lines name stands."""
    if at(tokens, start) != "if" or at(tokens, start + 1) != "(":
        return None
    asked, end = [], start + 1
    while at(tokens, end) in ("(", "||"):
        negated = at(tokens, end + 1) == "!"
        first = end + 1 + negated
        last = chain(tokens, first)
        if last is None:
            return None
        asked.append((first, last))
        end = last
        if not negated:
            if at(tokens, end) not in ("===", "==") or at(tokens, end + 1) not in _MISSING:
                return None
            end += 2
    if at(tokens, end) != ")":
        return None
    end += 1
    block = at(tokens, end) == "{"
    end += block
    while block and (said := log(tokens, end)) is not None:
        asked += said[1]
        end = said[0]
    left = _leaving(tokens, end)
    if left is None or (block and at(tokens, left) != "}"):
        return None
    left += block
    return None if at(tokens, left) == "else" else (left, asked)


def _leaving(tokens: Tokens, start: int) -> int | None:
    """`continue;`, `return;`, or `return` of a value that is written down."""
    if at(tokens, start) not in ("return", "continue"):
        return None
    end = (literal(tokens, start + 1) if at(tokens, start) == "return" else None) or start + 1
    return end + 1 if at(tokens, end) == ";" else None


def log(tokens: Tokens, start: int) -> tuple[int, list[tuple[int, int]]] | None:
    """`logger.warn('no close', quote.symbol);`: where it ends, and where what it tells stands."""
    first = start + 2 * (at(tokens, start) == "this" and at(tokens, start + 1) == ".")
    if (
        at(tokens, first) not in _LOGGERS
        or at(tokens, first + 1) != "."
        or at(tokens, first + 2) not in _LEVELS
    ):
        return None
    told, end = [], first + 3
    while at(tokens, end) in ("(", ","):
        last = chain(tokens, end + 1)
        if last is not None:
            told.append((end + 1, last))
        elif end + 1 < len(tokens) and tokens[end + 1].kind in ("text", "number"):
            last = end + 2
        else:
            return None
        end = last
    closed = end > first + 3 and at(tokens, end) == ")" and at(tokens, end + 1) == ";"
    return (end + 2, told) if closed and at(tokens, end + 2) != "else" else None


def named(tokens: Tokens, start: int) -> tuple[int, int] | None:
    """`const close = quote.prev_close;`: where the value begins and ends; a `;` comes behind it."""
    if at(tokens, start) != "const" or not is_word(tokens, start + 1) or at(tokens, start + 2) != "=":
        return None
    end = chain(tokens, start + 3, called=True)
    if end is None or at(tokens, end) != ";" or end - start > _LONGEST:
        return None
    return start + 3, end


def begins(tokens: Tokens, index: int) -> bool:
    """Whether a statement may begin here, whatever is put before or behind it."""
    return index == 0 or (tokens[index - 1].kind == "mark" and tokens[index - 1].text in ";{}")


def expanded(old: Tokens, new: Tokens) -> list[Token]:
    """The new tokens with what new names stand for in their place."""
    starts = _fresh(old, new)
    ends = {end: start for start, end in starts.items()}
    places: dict[int, int] = {}
    given: dict[str, list[Token]] = {}
    found: list[Token] = []
    for index, token in enumerate(new):
        value = given.get(token.text, []) if is_reading(new, index) else []
        places[index] = len(found)
        found += [each._replace(line=token.line) for each in value] or [token]
        part = named(found, places[ends[index]]) if index in ends else None
        if part is not None:
            given[at(new, ends[index] + 1)] = found[slice(*part)]
        if len(found) > MOST:
            break
    return found


def _fresh(old: Tokens, new: Tokens) -> dict[int, int]:
    """Where statements begin and end that give a name, once, which the base does not use."""
    taken = {old[index].text for index in range(len(old)) if is_reading(old, index)}
    found: dict[str, list[tuple[int, int]]] = {}
    for index in range(len(new)):
        part = named(new, index) if begins(new, index) else None
        if part is not None and new[index + 1].text not in taken:
            found.setdefault(new[index + 1].text, []).append((index, part[1]))
    return dict(each[0] for each in found.values() if len(each) == 1)
