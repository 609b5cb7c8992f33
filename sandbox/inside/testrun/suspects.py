"""Finds in a patched file what no service needs and what the file did not have before.

A static look cannot prove code harmless. It closes the short ways by which code lies about its
tests, and tells the author of an honest patch what to do without. Docstrings count for nothing.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter

from . import script_suspects
from .hooks import hooks
from .look import Look
from .pretence import Pretence
from .suspicion import DENIED_TO_TESTS, RULES, Suspect


def told(path: str, before: bytes | None, after: bytes, *, test: bool) -> list[tuple[str, str]]:
    """What a patch newly does in one file that no service, or no test, needs: path and text each.

    Raises:
        SyntaxError: `after` is not Python for this interpreter.
    """
    if not path.endswith(".py"):
        return [] if test else script_suspects.told(path, _text(before), after.decode("utf-8", "replace"))
    if _encoding(after) != "utf-8":
        return [(path, f"dynamic-code: {path}:1 is written in {_encoding(after)}; write it in UTF-8")]
    try:
        found = new_suspects(before, after)
        steering = list(hooks(ast.parse(after))) if test else []
    except RecursionError:
        return [(path, f"dynamic-code: {path}:1 is nested too deeply to be read")]
    return [
        (path, f"{each.rule}: {path}:{each.line} {RULES[each.rule]} ({each.detail})")
        for each in [*(each for each in found if not test or each.detail in DENIED_TO_TESTS), *steering]
    ]


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def _encoding(source: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(source).readline)[0].removesuffix("-sig")
    except SyntaxError:
        return "an unknown encoding"


def new_suspects(before: bytes | None, after: bytes) -> list[Suspect]:
    """What `after` has and `before` had not, or had less often; `before` is None for a new file.

    Raises:
        SyntaxError: `after` is not Python for this interpreter.
    """
    had: Counter[tuple[str, str]] = Counter()
    if before is not None:
        try:
            had.update((suspect.rule, suspect.detail) for suspect in suspects(before))
        except (SyntaxError, ValueError, RecursionError):
            had.clear()
    found = []
    for suspect in suspects(after):
        key = (suspect.rule, suspect.detail)
        if had[key] > 0:
            had[key] -= 1
        else:
            found.append(suspect)
    return found


def suspects(source: bytes | str) -> list[Suspect]:
    """Everything in a source that no service needs, in the order of its lines.

    Raises:
        SyntaxError: it is not Python for this interpreter.
    """
    tree = ast.parse(source)
    look, pretence = Look(tree), Pretence(tree)
    look.visit(tree)
    pretence.visit(tree)
    found = {*look.found, *pretence.found}
    return sorted(found, key=lambda suspect: (suspect.line, suspect.rule, suspect.detail))
