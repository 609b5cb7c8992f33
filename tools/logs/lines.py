"""What one line of a log is: who wrote it, at which level, and whether it starts or ends a run."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

Level = Literal["ERROR", "WARN", "INFO", "DEBUG"]

_LEVELS: dict[str, Level] = {
    "ERROR": "ERROR",
    "CRITICAL": "ERROR",
    "FATAL": "ERROR",
    "SEVERE": "ERROR",
    "WARN": "WARN",
    "WARNING": "WARN",
    "INFO": "INFO",
    "NOTICE": "INFO",
    "SUCCESS": "INFO",
    "DEBUG": "DEBUG",
    "TRACE": "DEBUG",
}
_WORDS = "|".join(_LEVELS)

_LOG_LINE = re.compile(
    r"\[[^\]\n]{1,80}\]"
    r"|\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
    r"|\d\d:\d\d:\d\d[ .,]"
    rf"|(?:{_WORDS})(?:\b[ \t]{{0,4}}[:|\]]|  +)"
    r'|\{"'
    r"|[\w.-]{1,40} +\| "
)
_LEVEL = re.compile(rf'\b({_WORDS})\b|"level": ?"([A-Za-z]+)"')
_PREFIX = re.compile(
    r"(?:[\w.-]{1,40} +\| )?"
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,64} [\w.-]{1,64}(?:\[\d{1,9}\])?: )?"
    r"(?:(?:\[[^\]\n]{1,80}\]|\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,+Z-]{5,20}|\d\d:\d\d:\d\d[.,\d]{0,7}"
    rf"|(?:{_WORDS})\b|[:|-](?=\s)|:)[ \t]{{0,8}}){{0,8}}"
)
_TIME = re.compile(r"(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)")
_COLOUR = re.compile(r"\x1b(?:\[[0-9;?]{0,40}[ -/]?[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[@-Z\\^_])")
_NOISE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_LOOKED_AT = 160
_ERROR_WORDS = ("ERROR", "CRITICAL", "FATAL", "SEVERE", '"level"')


def uncoloured(line: str) -> str:
    """A line without terminal escapes."""
    return _COLOUR.sub("", line) if "\x1b" in line else line


def share_of_noise(text: str) -> float:
    """Which part of a decoded text no logger writes, 0 to 1: control characters, and what was no UTF-8."""
    plain = uncoloured(text)
    return len(_NOISE.findall(plain)) / len(plain) if plain else 0.0


def is_log_line(line: str) -> bool:
    """Whether a line was written by a logger rather than by print, a traceback or a shell."""
    return _LOG_LINE.match(line) is not None


def is_error_line(line: str) -> bool:
    """Whether a logger wrote a line at level ERROR or above."""
    if not any(word in line for word in _ERROR_WORDS):
        return False
    return is_log_line(line) and level_of(line) == "ERROR"


def level_of(line: str) -> Level | None:
    """The level of a log line, None where it names none."""
    found = _LEVEL.search(line, 0, _LOOKED_AT)
    if found is None:
        return None
    return _LEVELS.get((found.group(1) or found.group(2)).upper())


def message_of(line: str) -> str:
    """A log line without time, service, level and emoji."""
    found = _PREFIX.match(line)
    rest = line[found.end() :] if found else line
    start = next((at for at, char in enumerate(rest[:12]) if char.isascii() and not char.isspace()), 0)
    return rest[start:].rstrip()


def time_of(line: str) -> datetime | None:
    """The local time that a log line starts with."""
    found = _TIME.search(line, 0, 60)
    if found is None:
        return None
    try:
        return datetime(*(int(part) for part in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
