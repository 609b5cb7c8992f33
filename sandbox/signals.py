"""What source code does that a reviewer of a patch wants to know, read from its syntax.

A signal is a stable id. Each is counted, so that what a file had before can be told from what
a patch adds to it. Names are followed through imports and no further: this catches habit and
haste, not a determined author, whom the sandbox and the proof have to hold.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from dataclasses import dataclass, field

from sandbox.python_signals import python_signals

# Every repetition is bounded: the text is the model's, and a pattern must not backtrack without end.
_NODE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (signal, re.compile(pattern))
    for signal, pattern in (
        ("detects-tests", r"NODE_TEST_CONTEXT|JEST_WORKER_ID|VITEST\b|AUTOHEALER"),
        ("exits-process", r"process\.(exit|abort|kill)\b"),
        ("starts-process", r"child_process|worker_threads"),
        ("dynamic-code", r"\beval\s{0,9}\(|\bnew\s{1,9}Function\s{0,9}\("),
        ("swallows-error", r"\bcatch\s{0,9}(\(\s{0,9}\w{0,40}\s{0,9}\)\s{0,9})?\{\s{0,99}\}"),
        ("swallows-error", r"\.catch\(\s{0,9}\(\w{0,40}\)\s{0,9}=>\s{0,9}(\{\s{0,99}\}|null|undefined)"),
        ("adds-default", r"(\|\||\?\?)\s{0,9}(\d|''|\"\"|``|\[\s{0,9}\]|\{\s{0,9}\}|null|false|true)"),
        ("adds-skip", r"\b(it|test|describe)\.(skip|todo|only)\b|\bx(it|describe)\b|\bskip\s{0,9}:"),
    )
)
_NODE_TEST = re.compile(r"\b(?:it|test)(?:\.\w{1,9})?\s{0,9}\(\s{0,9}(['\"`])(.{1,200}?)\1")
_NODE_CHECK = re.compile(r"\b(?:assert(?:\.\w{1,40}){0,3}|expect)\s{0,9}\(.{0,300}")


@dataclass(frozen=True, slots=True)
class Signals:
    """What one file does: counted signals, its tests by name, and what each of them checks."""

    counts: Counter[str] = field(default_factory=Counter)
    tests: dict[str, Counter[str]] = field(default_factory=dict)


def read_signals(path: str, source: bytes | None) -> Signals | None:
    """The signals of a file, empty where there is none; None where it cannot be parsed."""
    if source is None:
        return Signals()
    if path.endswith(".py"):
        return _python(source)
    if re.search(r"\.[cm]?[jt]sx?$", path):
        return _node(source.decode("utf-8", "replace"))
    return Signals()


def compile_error(path: str, source: bytes) -> str | None:
    """Why this interpreter cannot compile a Python source, as one line; None if it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        shown = f": {error.text.strip()[:120]}" if error.text else ""
        return f"{path}:{error.lineno}: {type(error).__name__}: {error.msg}{shown}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{path}: {type(error).__name__}: {error}"
    return None


def _python(source: bytes) -> Signals | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        return Signals(*python_signals(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _node(text: str) -> Signals:
    counts: Counter[str] = Counter()
    for signal, pattern in _NODE:
        counts[signal] += len(pattern.findall(text))
    checks = Counter(match.group().strip() for match in _NODE_CHECK.finditer(text))
    # Which test holds which check is not known without a parser, so each is said to hold all.
    tests = {match[2]: checks for match in _NODE_TEST.finditer(text)}
    return Signals(counts, tests)
