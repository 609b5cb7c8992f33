"""What a Node script hides, by its text: there is no parser here.

Texts, templates and comments are blanked first, so that brackets can be counted.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import islice

from agent.proof.labels.matched import Find, fresh

SCRIPT = re.compile(r"\.[cm]?[jt]sx?$")
# Every repetition is bounded: the text is the model's, and a pattern must not backtrack without end.
_BLANKED = re.compile(
    r"//[^\n]*|/\*.{0,5000}?\*/|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`", re.DOTALL
)
_PLACE = re.compile(
    r"\bfunction\s{0,9}\*?\s{0,9}(\w{1,99})"
    r"|^\s{0,40}(?:static |async |get |set |\*){0,3}(\w{1,99})\s{0,9}\([^()\n]{0,200}\)\s{0,9}\{"
    r"|\b(?:const|let|var)\s{1,9}(\w{1,99})\s{0,9}=\s{0,9}(?:async\s{0,9})?"
    r"(?:function|\([^()\n]{0,200}\)\s{0,9}=>|\w{1,99}\s{0,9}=>)",
    re.MULTILINE,
)
_NO_PLACE = frozenset({"if", "for", "while", "switch", "catch", "function", "return"})
_HANDLER = re.compile(r"\bcatch\s{0,9}(?:\([^()\n]{0,200}\)\s{0,9})?(\{)|\.catch\s{0,9}(\()")
_FINALLY = re.compile(r"\bfinally\s{0,9}(\{)")
_THEN = re.compile(r"\.then\s{0,9}(\()")
_HOOK = re.compile(
    r"\.(?:on|once|addListener|prependListener)\s{0,9}\(\s{0,9}['\"](?:uncaughtException\w{0,9}|unhandledRejection)['\"]"
    r"|setUncaughtExceptionCaptureCallback|\bPromise\.allSettled\b|\bon(?:error|unhandledrejection)\s{0,9}="
)
_PASSES_ON = re.compile(r"\bthrow\b|\breject\b|\bnext\s{0,9}[()]|Promise\.reject")
_UNSURE = re.compile(r"\b(?:return|break|continue|if)\b|&&|\|\||\?(?![.?])")
_LEAVES = re.compile(r"\b(?:return|break|continue)\b")
_FUNCTION = re.compile(r"\bfunction\b[^{}]{0,300}\{|=>\s{0,9}\{")
_CONSTANT = (
    r"(?:[-+]?\s{0,3}\d[\w.]{0,30}|'[^'\n]{0,200}'|\"[^\"\n]{0,200}\"|`[^`$]{0,200}`|\[[^\[\]()]{0,200}\]"
    r"|\{\s{0,9}\}|true|false|NaN|Infinity|[A-Z][A-Z0-9_]{1,60}\b(?!\s{0,9}[.(]))"
)
_NUMBER = r"[-+]?\s{0,3}\d[\w.]{0,30}"
_DEFAULTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:\|\||\?\?)=?\s{{0,9}}\(?\s{{0,9}}(?P<made>{_CONSTANT})",
        rf"\?(?![.?]|\s{{0,9}}{_CONSTANT}\s{{0,9}}:)[^?:;{{}}\n]{{1,200}}:\s{{0,9}}(?P<made>{_CONSTANT})(?=\s{{0,9}}[;,)}}\]\n])",
        rf"\?(?![.?])\s{{0,9}}(?P<made>{_CONSTANT})\s{{0,9}}:(?!\s{{0,9}}{_CONSTANT})",
        rf"[{{,(\[]\s{{0,99}}(?:\w{{1,60}}\s{{0,9}}:\s{{0,9}})?\w{{1,60}}\s{{0,9}}=\s{{0,9}}(?P<made>{_CONSTANT})(?=\s{{0,9}}[,}})\]])",
        rf"\bMath\.(?:max|min)\s{{0,9}}\((?P<made>\s{{0,9}}{_NUMBER}\s{{0,9}},|[^()\n]{{1,200}},\s{{0,9}}{_NUMBER}\s{{0,9}}\))",
        r"\{\s{0,9}(?P<made>\.\.\.[A-Z][A-Z0-9_]{1,60}|\w{1,60}\s{0,9}:\s{0,9}[^{}\n]{1,200}),\s{0,9}\.\.\.\w",
        r"\bObject\.assign\s{0,9}\((?P<made>\s{0,9}\{[^{}]{1,300}\}|\s{0,9}\{\s{0,9}\}\s{0,9},\s{0,9}[A-Z]\w{0,60})\s{0,9},",
        rf"\bif\s{{0,9}}\([^\n]{{0,200}}(?:===?\s{{0,9}}(?:null|undefined)|!\w|isNaN|typeof)[^\n]{{0,200}}\)\s{{0,9}}"
        rf"\{{?\s{{0,99}}(?:[^;{{}}]{{1,200}};\s{{0,99}}){{0,3}}(?:return|[\w.]{{1,60}}\s{{0,9}}=)\s{{0,9}}(?P<made>{_CONSTANT})\s{{0,9}};",
    )
)
_HANDLING = frozenset({"catch", "finally", "then", "hook"})
# A text is the model's: how far, and how often, is looked has an end.
_LONGEST, _NEAR, _MOST, _MOST_FUNCTIONS = 5000, 200, 2000, 40
_TRUTH = frozenset({"true", "false"})


def script_finds(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The gate's names of what scripts hide that they did not hide on the base."""
    old, new = (
        {path: source for path, source in side.items() if SCRIPT.search(path)} for side in (before, after)
    )
    had, has = ([_Script(source) for source in side.values()] for side in (old, new))
    found = [
        name
        for name, read in (("swallows-error", _Script.swallowed), ("adds-default", _Script.defaults))
        if any(not _is_edited(find, _all(had, read)) for find in fresh(_all(had, read), _all(has, read)))
    ]
    conditions = fresh(_all(had, _Script.conditions), _all(has, _Script.conditions))
    return [*found, *["raises-under-condition"] * bool(conditions)]


def _all(scripts: list[_Script], read: Callable[[_Script], Iterator[Find]]) -> list[Find]:
    return [find for script in scripts for find in read(script)]


def _is_edited(find: Find, had: list[Find]) -> bool:
    """Whether the base has much the same at the same place."""
    return any(
        each.place == find.place
        and (each.shown in _HANDLING) == (find.shown in _HANDLING)
        and SequenceMatcher(None, each.text[:2000], find.text[:2000]).ratio() > 0.6
        for each in had
    )


class _Script:
    """One source, and the same without the meaning of its texts and comments, character by character."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.code = _BLANKED.sub(_blank, source)
        begun = [(match.start(), match[1] or match[2] or match[3]) for match in _PLACE.finditer(self.code)]
        self.places = [each for each in begun if each[1] not in _NO_PLACE]

    def swallowed(self) -> Iterator[Find]:
        """What takes errors and passes none of them on."""
        for match in self._matches(_HANDLER):
            block = _bracketed(self.code, match.end() - 1)
            if not _PASSES_ON.search(block):
                yield self._find(match, "catch", _guarded(self.code, match.start()) + block)
        for match in self._matches(_FINALLY):
            block = _bracketed(self.code, match.end() - 1)
            if _LEAVES.search(_without_functions(block)):
                yield self._find(match, "finally", block)
        for match in self._matches(_THEN):
            given = _split(_bracketed(self.code, match.end() - 1)[1:-1])
            if len(given) > 1 and not _PASSES_ON.search(given[1]) and given[1].strip():
                yield self._find(match, "then", given[1])
        for match in _HOOK.finditer(self.source):
            yield self._find(match, "hook", match[0])

    def conditions(self) -> Iterator[Find]:
        """Handlers that throw again only where some condition holds."""
        for match in self._matches(_HANDLER):
            block = _bracketed(self.code, match.end() - 1)
            if _PASSES_ON.search(block) and _UNSURE.search(_without_functions(block)):
                text = self.source[match.end() : match.end() - 1 + len(block)]
                yield self._find(match, "condition", text)

    def defaults(self) -> Iterator[Find]:
        """Constants in the place of data."""
        for pattern in _DEFAULTS:
            for match in self._matches(pattern):
                made = " ".join(self.source[match.start("made") : match.end("made")].split())
                guards = pattern is _DEFAULTS[-1] and made in _TRUTH
                if not guards and "${" not in made:
                    line = self.source[max(0, match.start() - _NEAR) : match.start()].rpartition("\n")[2]
                    yield self._find(match, made, f"{line.split()[-1:]} {made}")

    def _matches(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        return islice(pattern.finditer(self.code), _MOST)

    def _find(self, match: re.Match[str], what: str, text: str) -> Find:
        """The find in the last function that was begun before it."""
        at = bisect(self.places, (match.start(), ""))
        place = self.places[at - 1][1] if at else ""
        text = f"{what} {' '.join(text.split())}"
        return Find(place, text, "", text, what)


def _guarded(code: str, at: int) -> str:
    """The block before a `catch`: what stands around more than before is new."""
    end = code.rfind("}", 0, at)
    if end < 0 or code[end + 1 : at].strip():
        return ""
    depth = 0
    for start in range(end, max(-1, end - _LONGEST), -1):
        depth += (code[start] == "}") - (code[start] == "{")
        if depth == 0:
            return code[start : end + 1]
    return ""


def _bracketed(code: str, start: int) -> str:
    """From an opening bracket to the one that closes it, or as far as is looked at."""
    opening, depth, last = code[start], 0, min(len(code), start + _LONGEST)
    closing = ")" if opening == "(" else "}"
    for end in range(start, last):
        depth += (code[end] == opening) - (code[end] == closing)
        if depth == 0:
            return code[start : end + 1]
    return code[start:last]


def _split(arguments: str) -> list[str]:
    """Arguments at their commas, but for those within brackets."""
    parts, depth = [""], 0
    for character in arguments:
        depth += (character in "({[") - (character in ")}]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _without_functions(block: str) -> str:
    """A block without the bodies of the functions that are made in it."""
    for _ in range(_MOST_FUNCTIONS):
        match = _FUNCTION.search(block)
        if match is None:
            break
        body = _bracketed(block, match.end() - 1)
        block = block[: match.start()] + block[match.end() - 1 + len(body) :]
    return block


def _blank(match: re.Match[str]) -> str:
    """As many characters, and as many lines, without a meaning."""
    text = match[0]
    if text[0] == "/":
        return re.sub(r"[^\n]", " ", text)
    return text[0] + re.sub(r"[^\n]", "_", text[1:-1]) + text[-1]
