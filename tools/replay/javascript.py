"""What a replay must know of JavaScript: how stacks name functions, and which functions a script has.

There is no parser for it here, so a script is read by patterns: a name that is none is harmless, since
V8 tells which functions really ran.
"""

from __future__ import annotations

import re

from sandbox.node import SCRIPTS

MODULE, ANONYMOUS = "<module>", "<anonymous>"
_TIMERS = ("Timeout._onTimeout", "Immediate._onImmediate")
_ALIAS = re.compile(r" \[as [^\]]*\]$")
_NAME = r"([A-Za-z_$#][\w$]*)"
_DEFINITION = re.compile(
    rf"\bfunction\b\s*\*?\s*{_NAME}\s*\("
    rf"|\bclass\s+{_NAME}"
    rf"|{_NAME}['\"]?\s*[=:]\s*(?:async\b\s*)?(?:function\b|\(|{_NAME}\s*=>)"
    rf"|(?:^|[{{}};,\s])(?:async\s+|static\s+|get\s+|set\s+|\*\s*)*{_NAME}\s*\([^;]*?\)\s*\{{",
    re.MULTILINE,
)
_KEYWORDS = frozenset({"if", "for", "while", "switch", "catch", "with", "function", "return"})


def is_script(path: str) -> bool:
    """Whether Node runs this file."""
    return path.endswith(SCRIPTS)


def function_name(logged: str) -> str:
    """The plain name of a function that a stack names with what it was called on.

    A module's own code is an anonymous function that is called on an object.
    """
    if logged in _TIMERS:
        return ANONYMOUS
    if logged == f"Object.{ANONYMOUS}":
        return MODULE
    return _ALIAS.sub("", logged).rpartition(".")[2].rpartition(" ")[2]


def functions_of(source: bytes) -> set[str]:
    """The names of the functions in a script; every script may have anonymous ones."""
    text = source.decode("utf-8", "replace")
    names = {name for found in _DEFINITION.findall(text) for name in found if name}
    return {MODULE, ANONYMOUS, *(names - _KEYWORDS)}
