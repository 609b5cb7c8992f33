"""The same of a Node service's scripts, by each line that a patch adds: there is no parser here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.plain.script_lines import coded, mended
from agent.proof.labels.plain.words import SCRIPT_WORD, Words
from agent.proof.labels.script_tokens import lines_of
from agent.proof.labels.scripts import SCRIPT

_PLAIN = frozenset(
    {"Array", "Boolean", "JSON", "Math", "async", "await", "console", "const"}
    | {"continue", "else", "entries", "error", "false", "filter", "for", "if"}
    | {"isArray", "isFinite", "join", "keys", "length", "let", "log", "map", "max", "min"}
    | {"null", "of", "parse", "require", "return", "round", "split", "stringify"}
    | {"toFixed", "trim", "true", "typeof", "undefined", "values", "warn"}
)  # fmt: skip
# Every repetition is bounded: the text is the model's.
_TEXT = re.compile(r"'[^'\\\n]{1,500}'|\"[^\"\\\n]{1,500}\"")
_COMMENT = re.compile(r"^([^/]{0,2000})(?:^|\s)//[\w\s.,:'()`-]{0,500}$")
_WORDS_WITHIN = re.compile(r"constructor|prototype|__proto__")
_LEAVES = re.compile(r"\bif\s{0,9}\(\s{0,9}[\w.]{1,80}\s{0,9}\)|\b(?:break|continue)\b")
_DECLARED = re.compile(r"\b(?:const|let)\s{1,9}(\w{1,60})|\(?\b(\w{1,60})\)?\s{0,9}=>")
_ODD = re.compile(
    r"\b(?:class|yield|new|delete|try|catch|finally|throw|while|do|switch|case|with|var|import|export|static|super"
    r"|prototype|process|globalThis|global|Object|Reflect|Proxy|Symbol|Function|function|eval|Promise|get|set"
    r"|queueMicrotask|set(?:Timeout|Immediate|Interval)|__proto__|constructor|arguments|this)\b"
    r"|\b(?:Number|String|parseInt|parseFloat)\s{0,9}\("
    r"|(?:\?\?|\|\|)(?!\s{0,9}(?:null\b|undefined\b|['\"\d\[{-]))"
    r"|[\w\])]\s{0,9}\[(?!\s{0,9}\d)|`|\\|/|(?<!\?)\?(?![.?])|\+\+|--|[\w\])]\s{0,9}[-+*/%&|^?]{1,2}="
    r"|(?:\.\w{1,60}|\])\s{0,9}=(?![=>])"
    r"|\.filter\s{0,9}\((?!\s{0,9}Boolean\s{0,9}\))|\.(?:slice|find|every|some|reduce|push|pop|shift|unshift|splice|sort|reverse|fill|add|clear|copyWithin)\s{0,9}\("
)
_COMPARES = re.compile(r"(?:[=!]==?|<=?|(?<!=)>=?)\s{0,9}([\w.'\"$+-]{1,80})")
_NONE = re.compile(r"\b(?:null|undefined)\b")
_AFTER = re.compile(r"(?:\?\?|\breturn|[=!]==?)\s{0,9}$")
_NOTHING = frozenset({"null", "undefined", "0", "''", '""'})
_NEAR = 12
"""How many lines above the one that crashed a guard may stand."""


def beyond_in_scripts(
    before: Mapping[str, str], after: Mapping[str, str], words: Words, crashed: Crashed
) -> Iterator[str]:
    """What the added lines of the scripts bring that is not plain, and what is gone with the others."""
    for path, source in after.items():
        if SCRIPT.search(path):
            old, new = lines_of(before.get(path, "")), lines_of(source)
            added, taken = _changed(old, new, coded(source))
            if crashed.lines:
                lines = crashed.lines.get(path, frozenset())
                yield from [] if path in before else [f"the new file {path}"]
                yield from _elsewhere(old, new, lines)
                yield from mended(before.get(path, ""), source, lines, crashed.said, words)
            for line in added:
                yield from _of_line(line, words)
            left = Counter(SCRIPT_WORD.findall(" ".join(added)))
            for name in sorted(Counter(SCRIPT_WORD.findall(" ".join(taken))) - left):
                if any(
                    re.search(rf"\b{re.escape(name)}\s{{0,9}}[(.]|\.{re.escape(name)}\b", line)
                    for line in taken
                ):
                    yield f"no {name} any more"


def _changed(old: list[str], new: list[str], code: frozenset[int]) -> tuple[list[str], list[str]]:
    """The lines of code that are added, and those that are gone; words that only move are in both."""
    added, taken = [], []
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            taken += old[first:last]
            added += [new[at] for at in range(start, end) if at + 1 in code]
    return added, taken


def _elsewhere(old: list[str], new: list[str], lines: frozenset[int]) -> Iterator[str]:
    """Lines that give way to others though they did not crash, and new ones far above what did."""
    for kind, first, last, start, _ in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "insert" and not any(0 < line - first <= _NEAR for line in lines):
            yield f"adds `{new[start].strip()[:80]}` where nothing crashed"
        for at in range(first, last):
            if kind != "equal" and old[at].strip() and at + 1 not in lines:
                yield f"changes `{old[at].strip()[:80]}`, which did not crash"


def _of_line(line: str, words: Words) -> Iterator[str]:
    if _WORDS_WITHIN.search(line):
        yield f"`{line.strip()[:80]}`"
        return
    code = _COMMENT.sub(r"\1", _TEXT.sub("'_'", line))
    own = {name for pair in _DECLARED.findall(code) for name in pair}
    for name in sorted({*SCRIPT_WORD.findall(code)} - _PLAIN - own - {"_"}):
        if not name.isdigit() and not words.knows(name):
            yield f"the name {name}"
    asks = any(each not in _NOTHING for each in _COMPARES.findall(code))
    nothing = any(not _AFTER.search(code[: each.start()]) for each in _NONE.finditer(code))
    if asks or nothing or _ODD.search(code) or _LEAVES.search(code):
        yield f"`{line.strip()[:80]}`"
