"""The same of a Node service's scripts, by each line that a patch adds: there is no parser here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

from agent.proof.labels.plain.words import SCRIPT_WORD, Words
from agent.proof.labels.scripts import SCRIPT

_PLAIN = frozenset(
    {"Array", "Boolean", "JSON", "Math", "async", "await", "console", "const"}
    | {"continue", "else", "entries", "error", "every", "false", "filter", "find", "for", "if"}
    | {"includes", "isArray", "isFinite", "join", "keys", "length", "let", "log", "map", "max", "min"}
    | {"null", "of", "parse", "require", "return", "round", "slice", "some", "split", "stringify"}
    | {"toFixed", "trim", "true", "typeof", "undefined", "values", "warn"}
)  # fmt: skip
# Every repetition is bounded: the text is the model's.
_TEXT = re.compile(r"'[^'\\\n]{1,500}'|\"[^\"\\\n]{1,500}\"")
_COMMENT = re.compile(r"//.*$|/\*.{0,500}?\*/")
_WITHIN_COMMENT = re.compile(r"^\s{0,99}(?:/\*\*?|\*)(?:\s|/?$)")
_DECLARED = re.compile(r"\b(?:const|let)\s{1,9}(\w{1,60})|\b(\w{1,60})\s{0,9}=>")
_ODD = re.compile(
    r"\b(?:class|yield|new|delete|try|catch|finally|throw|while|do|switch|case|with|var|import|export|static|super"
    r"|prototype|process|globalThis|global|Object|Reflect|Proxy|Symbol|Function|function|eval|Promise|get|set"
    r"|queueMicrotask|set(?:Timeout|Immediate|Interval)|__proto__|constructor|arguments|this)\b"
    r"|\b(?:Number|String|parseInt|parseFloat)\s{0,9}\("
    r"|(?:\?\?|\|\|)(?!\s{0,9}(?:null\b|undefined\b|['\"\d\[{-]))"
    r"|[\[]\s{0,9}['\"]|`|\\|/\*|/['\"]|(?<!\?)\?(?![.?])|\+\+|--|[\w\])]\s{0,9}[-+*/%&|^?]{1,2}="
    r"|(?:\.\w{1,60}|\])\s{0,9}=(?![=>])"
    r"|\.(?:push|pop|shift|unshift|splice|sort|reverse|fill|add|clear|copyWithin)\s{0,9}\("
)
_COMPARES = re.compile(r"(?:[=!]==?|<=?|(?<!=)>=?)\s{0,9}([\w.'\"$+-]{1,80})")
_NOTHING = frozenset({"null", "undefined", "0", "''", '""'})


def beyond_in_scripts(before: Mapping[str, str], after: Mapping[str, str], words: Words) -> Iterator[str]:
    """What the added lines of the scripts bring: names that are not in use, and lines that are not plain."""
    for path, source in after.items():
        if SCRIPT.search(path):
            for line in _added(before.get(path, "").splitlines(), source.splitlines()):
                yield from _of_line(line, words)


def _added(old: list[str], new: list[str]) -> Iterator[str]:
    for kind, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind in ("insert", "replace"):
            yield from new[start:end]


def _of_line(line: str, words: Words) -> Iterator[str]:
    if _WITHIN_COMMENT.match(line) and not re.search(r"[;{}()=`]", line):
        return
    code = _COMMENT.sub("", _TEXT.sub("'_'", line))
    own = {name for pair in _DECLARED.findall(code) for name in pair}
    for name in sorted({*SCRIPT_WORD.findall(code)} - _PLAIN - own - {"_"}):
        if not name.isdigit() and not words.knows(name):
            yield f"the name {name}"
    asks = any(each not in _NOTHING for each in _COMPARES.findall(code))
    if asks or _ODD.search(code):
        yield f"`{line.strip()[:80]}`"
