"""The tokens of a Node script: what stands in comments is left out, and what cannot be read is odd.

Whether a `/` divides or begins a regular expression is told by what stands before it. Who relies on it
must take no new `/` for granted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

LONGEST = 400_000
"""How many characters are read: a longer script is odd as a whole."""
KEYWORDS = frozenset(
    {"arguments", "async", "await", "break", "case", "catch", "class", "const", "continue", "debugger"}
    | {"default", "delete", "do", "else", "eval", "export", "extends", "false", "finally", "for", "function"}
    | {"if", "import", "in", "instanceof", "let", "new", "null", "of", "return", "static", "super", "switch"}
    | {"this", "throw", "true", "try", "typeof", "undefined", "var", "void", "while", "with", "yield"}
)  # fmt: skip
_VALUES = frozenset(
    {"this", "super", "null", "true", "false", "undefined", "arguments", "of", "async", "let"}
)
_ENDS_AT_LINE = frozenset({"return", "break", "continue", "throw", "yield", "async", "let"})
# Every alternative begins in its own way, and regular expressions are bounded: the text is hostile.
_TOKEN = re.compile(
    r"(?P<break>\r\n|[\n\r\u2028\u2029])"
    r"|(?P<space>[ \t\v\f\u00a0\ufeff]+)"
    r"|(?P<comment>//[^\n\r\u2028\u2029]*)"
    r"|(?P<number>(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?|\.\d[\d_]*(?:[eE][+-]?\d+)?)n?)"
    r"|(?P<name>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<text>'(?:[^'\\\n\r]|\\[^\r])*'|\"(?:[^\"\\\n\r]|\\[^\r])*\")"
    r"|(?P<mark>>>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)"
    r"|\+\+|--|\*\*|<<|>>|[-+*/%&|^]=|[{}()\[\];,<>+*/%&|^!~?:=.-])"
)
_REGEX = re.compile(
    r"/(?![*/])(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r]){0,200}\]){1,300}/[a-z]{0,9}"
)
_SOURCE_OF = re.compile(r"/[/*][#@]\s*source")
_LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")
_DEEPEST = 20
_HTML = ("<!--", "-->")


class Token(NamedTuple):
    """A token as it is written, and the line, from 1, on which it begins.

    Kinds are name, number, text, template, regex, mark and odd. A word that is taken for a statement of
    its own where a line ends after it has that line break at its end.
    """

    kind: str
    text: str
    line: int

    @property
    def word(self) -> tuple[str, str]:
        """What it is, wherever it stands."""
        return self.kind, self.text


def lines_of(source: str) -> list[str]:
    """The lines of a script, as the language counts them."""
    return _LINE_END.split(source)


def tokens_of(source: str) -> list[Token]:
    """All tokens of a script."""
    if len(source) > LONGEST:
        return [Token("odd", source, 1)]
    starts = [0, *(match.end() for match in _LINE_END.finditer(source))]
    found: list[Token] = []
    at = 0
    while at < len(source):
        kind, end = _next(source, at, found)
        if kind == "break" and found and found[-1].text in _ENDS_AT_LINE:
            found[-1] = found[-1]._replace(text=found[-1].text + "\n")
        if kind not in ("break", "space", "comment"):
            found.append(Token(kind, source[at:end], bisect_right(starts, at)))
        at = end
    return found


def _next(source: str, at: int, found: Sequence[Token]) -> tuple[str, int]:
    if source[at] in "/`":
        special = _special(source, at, found)
        if special is not None:
            return special
    match = _TOKEN.match(source, at)
    if match is None or source.startswith(_HTML, at):
        # Of the latter two some scripts take the rest of the line for a comment, and some do not.
        return "odd", at + 1
    kind = str(match.lastgroup)
    return ("odd" if kind == "comment" and _SOURCE_OF.match(match[0]) else kind), match.end()


def _special(source: str, at: int, found: Sequence[Token]) -> tuple[str, int] | None:
    """A block comment, a template, or a regular expression where a value may begin."""
    if source[at] == "`":
        end = _template_end(source, at)
        return ("template", end) if end is not None else ("odd", len(source))
    if source.startswith("/*", at):
        end = source.find("*/", at + 2)
        if end < 0:
            return "odd", len(source)
        # A line break within it ends a statement as any other does.
        broken = bool(found) and found[-1].text in _ENDS_AT_LINE and _LINE_END.search(source, at, end)
        return ("odd" if broken or _SOURCE_OF.match(source, at) else "comment"), end + 2
    if source.startswith("//", at) or (found and _is_value(found[-1])):
        return None
    match = _REGEX.match(source, at)
    return ("regex", match.end()) if match else None


def _is_value(token: Token) -> bool:
    """Whether what follows goes on with a value, and does not begin one."""
    if token.kind == "name":
        return token.text not in KEYWORDS or token.text in _VALUES
    return token.kind in ("number", "text", "template", "regex") or token.text in (")", "]", "}")


def _template_end(source: str, at: int) -> int | None:
    """Where a template ends, with all that stands in its braces; None if that is not told."""
    stack, at = ["`"], at + 1
    while at < len(source) and len(stack) < _DEEPEST:
        if stack[-1] == "`":
            if source[at] == "\\":
                at += 1
            elif source[at] == "`":
                stack.pop()
            elif source.startswith("${", at):
                stack.append("{")
                at += 1
        elif source[at] in "/\\":
            return None  # a comment or a regular expression may hide where it ends
        elif source[at] in "'\"":
            match = _TOKEN.match(source, at)
            if match is None:
                return None
            at = match.end() - 1
        elif source[at] in "`{":
            stack.append(source[at])
        elif source[at] == "}":
            stack.pop()
        at += 1
        if not stack:
            return at
    return None
