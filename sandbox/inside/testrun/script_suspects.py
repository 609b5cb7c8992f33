"""Finds in a patched script, or in data, what no service needs. By its text: there is no parser here."""

from __future__ import annotations

import re
from collections import Counter

_RULES = {
    "test-detection": r"NODE_TEST_CONTEXT|node:test"
    r"|['\"](node:)?assert(/strict)?['\"]|NODE_ENV\s*[!=]==?\s*['\"]test|process\.execArgv",
    "interpreter-hooks": r"require\.cache|Module\._|process\.binding|_linkedBinding"
    r"|['\"](node:)?inspector['\"]|setFlagsFromString|['\"](node:)?vm['\"]|register\s*\(|prepareStackTrace|captureStackTrace",
    "patching": r"(Object|Array|String|Function|Promise|RegExp|Map|Set|Error)\.prototype\.?\w*\s*(=[^=]|\[)"
    r"|\b(Math|JSON|Number|Date|Reflect|BigInt|Object|Array|String|Promise|RegExp|Map|Set)\.\w+\s*=[^=>]"
    r"|globalThis\.\w+\s*=[^=]|assert\.\w+\s*=[^=]|__proto__|setPrototypeOf|defineProperty\s*\(\s*(globalThis|Object)",
    "dynamic-code": r"\beval\s*\(|new\s+Function\b|constructor\s*\.\s*constructor",
    "raw-descriptor": r"\bwriteSync\s*\(\s*\d|createWriteStream\s*\([^)]*\bfd\b|/dev/fd|/proc/",
    "processes": r"child_process|process\.(kill|reallyExit|abort)\b|worker_threads|node:cluster",
}
_DATA_RULES = {
    "double-underscore": r"__(globals|subclasses|builtins|import|class|mro|bases|getattribute|reduce"
    r"|reduce_ex|code|dict|init_subclass|self|func|closure|loader|spec)__",
    "unsafe-loading": r"ext://|!!python/|\"\(\)\"\s*:",
}
"""In data that some library may read as templates, expressions or settings."""


def told(path: str, before: str | None, after: str) -> list[tuple[str, str]]:
    """What a patch newly does in one script: path and text each."""
    rules = _RULES if path.endswith((".js", ".mjs", ".cjs")) else _DATA_RULES
    found = []
    for rule, pattern in rules.items():
        had = Counter(match[0] for match in re.finditer(pattern, before or ""))
        now = Counter(match[0] for match in re.finditer(pattern, after))
        for text in now - had:
            line = after[: after.index(text)].count("\n") + 1
            found.append((path, f"{rule}: {path}:{line} does what no service needs ({text.strip()[:60]})"))
    return found
