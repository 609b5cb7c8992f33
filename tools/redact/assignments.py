"""Secrets that are known by the name they are assigned to, in env files, JSON, YAML and code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.redact.gate import Lowered
from tools.redact.spans import Span
from tools.redact.tokens import is_template

_NAME = (
    r"pass(?:word|wd|phrase|code)|pwd|passw|secret|token|credentials?"
    r"|(?:api|access|secret|private|signing|encryption|license|account|subscription|auth)[_-]?key"
    r"|(?<=_)(?:key|pass|auth|pw)|(?<=_)salt"
)
_NAMED = re.compile(_NAME, re.IGNORECASE)
_WORDS = ("pass", "pwd", "secret", "token", "credential", "key", "_auth", "_pw", "_salt")
"""One of them is in every name above."""
_ASSIGNMENT = re.compile(
    rf"(?P<name>{_NAME})(?P<close>\\?[\"'])?\]?(?P<separator>[ \t]{{0,8}}(?::=|=>|[:=])(?!=)[ \t]{{0,8}})"
    r"(?:(?P<prefix>[A-Za-z]{0,2})(?P<quote>\\?[\"'])(?=(?P<quoted>[^\"'\r\n\\]{0,512}))"
    r"|(?=(?P<bare>[^\s\"',;&<>`]{1,512})))",
    re.IGNORECASE,
)
_REST = {"quoted": re.compile(r"[^\"'\r\n\\]*"), "bare": re.compile(r"[^\s\"',;&<>`]*")}
_RULES = (
    ("pass", "password"),
    ("pwd", "password"),
    ("pw", "password"),
    ("secret", "secret"),
    ("token", "token"),
    ("credential", "credential"),
)
_VARIABLE_NAME = re.compile(
    r"[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN|SECRET|PASSWORD|PASS|URL|DSN|ID|ENV|AUTH)$"
)
_NAME_OF_ONE = re.compile(
    r"(?:[A-Za-z]+[_-])+(?:key|token|secret|password)(?:_id)?$|[A-Za-z]{0,80}[a-z](?:Key|Token|Secret|Id)$"
)
_SHORTEST_BASE64 = 20
_SMALL_NUMBER = re.compile(r"-?\d{1,5}$")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*$")
_CODE = re.compile(r"[(\[{]|->|\bNone\b|\bTrue\b|\bFalse\b|\bnull\b|\btrue\b|\bfalse\b|\blambda\b")
_TYPE = re.compile(
    r"(?:[A-Z]\w*|str|int|float|bytes|bool|dict|list|tuple|set|object|type|string|number|any|boolean)\b"
)


def names_secret(name: str) -> bool:
    """Whether what has this name is a secret, going by it."""
    return _NAMED.search(name) is not None


def find(text: str, lowered: Lowered) -> Iterator[Span]:
    """Every value that is assigned to the name of a secret and is no code, type or template."""
    for start, end in lowered.lines(_WORDS):
        yield from _find_in(text, start, end)


def _find_in(text: str, at: int, limit: int) -> Iterator[Span]:
    """The same between two places; an assignment is on one line."""
    while found := _ASSIGNMENT.search(text, at, limit):
        at = found.end()
        kind = "bare" if found.group("quoted") is None else "quoted"
        if _is_secret(text, found, kind):
            rest = _REST[kind].match(text, found.start(kind))
            at = rest.end() if rest else at
            yield Span(found.start(kind), at, _rule(found.group("name")))


def _is_secret(text: str, found: re.Match[str], kind: str) -> bool:
    value = found.group(kind)
    if not value or value[0] in ",)]};" or is_template(value) or not any(map(str.isalnum, value)):
        return False
    if _NAME_OF_ONE.match(value):
        return False
    judge = _quoted_is_secret if kind == "quoted" else _bare_is_secret
    return judge(text, found, value)


def _rule(name: str) -> str:
    lowered = name.lower()
    return next((rule for start, rule in _RULES if lowered.startswith(start)), "api_key")


def _is_weak(text: str, found: re.Match[str]) -> bool:
    """Whether a name is as often that of a Redis key or a parser's token."""
    name, before = found.group("name"), text[max(0, found.start() - 1) : found.start()]
    if name.lower() == "token":
        return before != "_" and not (name[0].isupper() and before.islower())
    return name.lower() in ("key", "auth", "salt", "credential", "credentials")


def _quoted_is_secret(text: str, found: re.Match[str], value: str) -> bool:
    name = found.group("name")
    is_format = "f" in found.group("prefix").lower() and "{" in value
    if _VARIABLE_NAME.match(value) or is_format:
        return False
    if " " in value:
        return _rule(name) in ("password", "secret") and len(value.split()) <= 6
    return looks_random(value) if _is_weak(text, found) else True


def _bare_is_secret(text: str, found: re.Match[str], value: str) -> bool:
    name, separator = found.group("name"), found.group("separator")
    value = value.rstrip(")]}.")
    if ":" in separator and not _is_yaml(text, found, value):
        return False
    if not value or _CODE.search(value) or _VARIABLE_NAME.match(value):
        return False
    if value.startswith("/") and (value.count("/") > 1 or len(value) < _SHORTEST_BASE64):
        return False
    if _SMALL_NUMBER.match(value) and _rule(name) != "password":
        return False
    if not name.isupper() and _IDENTIFIER.match(value) and value.lower().endswith(name.lower()):
        return False
    if name.isupper() and separator == "=":
        return ":" not in value or not _is_weak(text, found)
    after = text[found.end("bare") : found.end("bare") + 1]
    if ":" in separator:
        weak = _is_weak(text, found) or found.group("close")
        return looks_random(value) if weak else not value.isdigit()
    if separator == "=" and not _is_kwarg(found, after):
        return looks_random(value) if _is_weak(text, found) else True
    return not _IDENTIFIER.match(value) or looks_random(value)


def _is_kwarg(found: re.Match[str], after: str) -> bool:
    """Whether an unquoted value stands where code passes an argument."""
    bare = found.group("bare")
    ends_call = bare.endswith((")", "]")) or after == ","
    return ends_call and _IDENTIFIER.match(bare.rstrip(")]},:")) is not None


def _is_yaml(text: str, found: re.Match[str], value: str) -> bool:
    """Whether `name: value` is a whole line of YAML rather than an annotation or a sentence."""
    end = found.end("bare")
    rest = text[end : text.find("\n", end) if "\n" in text[end : end + 200] else end + 200]
    return not rest.strip() and not _TYPE.match(value)


def looks_random(value: str) -> bool:
    """Whether a value is no word, path, number or Redis key: letters and digits mixed in a long run."""
    if len(value) < 8 or any(char in value for char in ":/ ()[]{}<>,"):
        return False
    digits = sum(char.isdigit() for char in value)
    letters = sum(char.isalpha() for char in value)
    return digits >= 2 and letters >= 2
