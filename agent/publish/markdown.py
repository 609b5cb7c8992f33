"""Untrusted text as Markdown that a forge shows and does not obey.

Nothing of a log or of a model's words may call a person, refer to or close an issue, run a
quick action, load an image or become HTML: all of that is text here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

Link = Callable[[str, int | None], str | None]
"""The address of a file (and line) of the base commit, or None."""

_PATH = r"(?:services|shared|truth|scripts|docs|tests)/[\w./-]*[\w-]\.\w{1,8}"
_STICKY = r"[\w./@#!&~%$^-]"
_TOKEN = re.compile(
    r"(?P<code>`[^`\n]{1,400}`)"
    r"|(?P<url>\b(?:https?|ftp|mailto|data|javascript):[^\s`]{1,2000}|\bwww\.[^\s`]{1,2000})"
    rf"|(?<![\w/.-])(?P<path>{_PATH})(?::(?P<line>\d{{1,7}}))?(?![\w/])"
    rf"|(?P<word>(?<!{_STICKY}){_STICKY}{{0,200}}?(?:(?<!\w)@\w|[#!&~%$^]\d|\bGH-\d){_STICKY}{{0,200}})",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"([\\`*\[\]<>|$~])|(?<!\w)(_)|(_)(?!\w)|(&)")
_OPENING = re.compile(r"^(?P<number>\d{0,9})(?P<mark>(?<=\d)[.)]|(?<!\d)[-+=>#/:])")
_LONE_CALL = re.compile(r"(?<!\w)(?P<sign>@(?=\w)|[#!&~%$^](?=\d))")
_CALLING = re.compile(r"(?P<sign>[@#!])(?=[\w(])")


def prose(text: str, link: Link = lambda path, line: None) -> str:
    """Paragraphs of plain words; code spans stay, and files that `link` knows become links."""
    parts = re.split(r"\n[ \t]*\n", visible(text))
    paragraphs = (_paragraph(" ".join(part.split()), link) for part in parts)
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def sentence(text: str, link: Link = lambda path, line: None) -> str:
    """The same on one line, for a list or the cell of a table."""
    return _paragraph(" ".join(visible(text).split()), link)


def span(text: str) -> str:
    """Inline code, also where the text has backticks, and within a table."""
    flat = " ".join(visible(text).split())
    fence = "`" * (1 + _longest_run(flat))
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}".replace("|", "¦") if flat else ""


def fenced(text: str, language: str = "") -> str:
    """A block of code that its own text cannot end."""
    body = visible(text).strip("\n")
    fence = "`" * max(3, 1 + _longest_run(body))
    return f"{fence}{language}\n{body}\n{fence}"


def plain(text: str) -> str:
    """Words for a title or a commit message, where nothing is Markdown: no call, no reference."""
    return _CALLING.sub(r"\g<sign> ", visible(text))


def visible(text: str) -> str:
    """The text with control, format and private characters shown as escapes; newline and tab stay."""
    return "".join(_shown(char) for char in text.replace("\r\n", "\n"))


def _shown(char: str) -> str:
    if char in "\n\t" or " " <= char <= "~" or not unicodedata.category(char).startswith("C"):
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _paragraph(text: str, link: Link) -> str:
    parts, last = [], 0
    for found in _TOKEN.finditer(text):
        parts += [_escaped(text[last : found.start()]), _token(found, link)]
        last = found.end()
    joined = "".join([*parts, _escaped(text[last:])]).strip()
    return _OPENING.sub(r"\g<number>\\\g<mark>", joined)


def _token(found: re.Match[str], link: Link) -> str:
    if found["path"]:
        return _linked(found["path"], found["line"], found.group(), link)
    if found["code"]:
        inner = found["code"][1:-1]
        alone = re.fullmatch(rf"({_PATH})(?::(\d{{1,7}}))?", inner)
        return _linked(alone[1], alone[2], inner, link) if alone else span(inner)
    return span(found.group())


def _linked(path: str, line: str | None, shown: str, link: Link) -> str:
    address = link(path, int(line) if line else None)
    return f"[{span(shown)}]({address})" if address else span(shown)


def _escaped(text: str) -> str:
    # A word that is too long to be shown as code must not call anybody either.
    text = _LONE_CALL.sub(r"\g<sign> ", text)
    return _SPECIAL.sub(lambda found: "&amp;" if found[4] else f"\\{found.group()}", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
