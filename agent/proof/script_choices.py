"""The same question of a Node service's tests, by their text: there is no parser here.

Lines that name the code under test, or what was made of it, may not choose. The calls that such
a test makes are not watched as a Python test's are, so its text is all that is looked at, and it
may have nothing that a plain test does not need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.proof.script_plain import unplain

# Every repetition is bounded or cannot match what follows it: the text is the model's.
_ASIDE = re.compile(r"//.*|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NODE_OWN = re.compile(r"['\"](?:node:[\w/]+|assert|fs|path|url|util|events|stream|http|os)['\"]")
_LOADS = re.compile(r"\brequire\s?\(|^\s*import\b|\bimport\s?\(")
_BINDS = re.compile(r"^\s*(?:(?:const|let|var)\s+|import\s+)?([^=\n]{1,300}?)(?:\s*=(?![=>])|\s+from\b)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_SURELY = re.compile(r"\b(?:if|while|switch)\s*\(|\?\?|\|\||&&|\btypeof\b")
_CHOOSES = re.compile(r"\?(?!\.)|\bin\b|\bhasOwn|\bObject\.|\bReflect\.|\.toString\s*\(")
_INDEX = re.compile(r"[\w$)\]]\[([^\[\]]{1,200})\]")
_NAMES = re.compile(r"(?<=[{,])\s{0,99}([A-Za-z_$][\w$]{0,99})(?=\s{0,99}[=,}])")
_DEFAULT = re.compile(r"\{[^=]{0,999}=")
_CLAIMS = re.compile(r"\b(?:assert|expect)\b")
_BORROWS = re.compile(r"\binstanceof\b|\bextends\b|\bmock\b|\bspyOn\b")
_BINDING = re.compile(r"\b(?:const|let|var)\b|^\s*import\b")
_IN_BRACES = re.compile(r"\b(?:const|let|var|import)\s{0,99}\{[^{}]{0,2000}\}\s{0,99}(?:=|from\b)")
_USES = re.compile(
    r"(?:(?<=\.\.\.)|(?<![\w$.]))([A-Za-z_$][\w$]{0,99})(?:\.[A-Za-z_$][\w$]{0,99}){0,9}(?![\w$.])(\s{0,9}\()?"
)
_LOOKS = re.compile(
    r"\btry\b|\.catch\s*\(|readFile|readdir|existsSync|statSync|require\.cache|module\.children"
    r"|\b__filename\b|\b__dirname\b|import\.meta|\bprocess\.cwd\b|prepareStackTrace|\.stack\s*="
)


def script_choices(source: bytes, path: str) -> list[tuple[int, str]]:
    """Where a test script decides by the code it runs on, or is not plain: lines and what they do."""
    text = source.decode("utf-8", "replace")
    raw = _IN_BRACES.sub(_in_one_line, text).split("\n")
    lines = [_ASIDE.sub("''", line) for line in raw]
    code, loaded = _under_test(raw, lines), _loaded(raw)
    return sorted([*_found(raw, lines, code, loaded), *unplain(text, path)])


def _found(raw: list[str], lines: list[str], code: set[str], loaded: set[str]) -> Iterator[tuple[int, str]]:
    for number, (whole, line) in enumerate(zip(raw, lines, strict=True), start=1):
        if _LOOKS.search(line):
            yield number, "looks at the code under test, or goes on when it fails"
        elif _takes_what_it_has(whole, line, loaded):
            yield number, "hands on what only one version of the code under test may have"
        elif code & set(_NAME.findall(whole)) and _decides(whole, line, code):
            yield number, "decides by what the code under test has"


def _takes_what_it_has(whole: str, line: str, loaded: set[str]) -> bool:
    """Whether a line reads data of the code and hands it on, or says what to take where there is none.

    Of what was loaded a test has need of functions and classes, and calls them; of data it makes claims.
    """
    if _LOADS.search(line) and not _NODE_OWN.search(whole):
        return _BINDING.search(line) is None or _DEFAULT.search(line.rpartition("=")[0]) is not None
    if _BORROWS.search(line):
        return False
    called = [bool(called) for name, called in _USES.findall(line) if name in loaded]
    return not all(called) and (any(called) or _CLAIMS.search(line) is None)


def _decides(whole: str, line: str, code: set[str]) -> bool:
    # What looks like a text may be code between two quotes in comments.
    if _SURELY.search(whole) or _CHOOSES.search(line):
        return True
    return any(code & set(_NAME.findall(index)) for index in _INDEX.findall(line))


def _in_one_line(binding: re.Match[str]) -> str:
    """Names that are bound over several lines, all on the last of them."""
    return "\n" * binding[0].count("\n") + binding[0].replace("\n", " ")


def _loaded(raw: list[str]) -> set[str]:
    """Names that are bound where the code under test is loaded."""
    lines = [line for line in raw if _LOADS.search(line) and not _NODE_OWN.search(line)]
    return {name for line in lines for name in _bound(line) | set(_NAMES.findall(line))}


def _under_test(raw: list[str], lines: list[str]) -> set[str]:
    code = _loaded(raw)
    before = -1
    while before != len(code):
        before = len(code)
        for line in lines:
            names = set(_NAME.findall(line.partition("=")[2]))
            if names & code and not _LOADS.search(line):
                code |= _bound(line)
    return code


def _bound(line: str) -> set[str]:
    found = _BINDS.match(line)
    words = {"as", "default", "const", "let", "var", "import", "require", "await"}
    return set(_NAME.findall(found[1])) - words if found and "(" not in found[1] else set()
