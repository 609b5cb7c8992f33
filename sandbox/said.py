"""What the lines of a source say to a machine: how they are written is nothing that a hunk is needed for."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_Block = (ast.stmt, ast.ExceptHandler, ast.match_case)


def said_by(path: str, lines: Sequence[bytes]) -> list[bytes]:
    """For each line what it says, comments and form apart; the line itself where that cannot be read.

    Two lines that say the same are parts of statements that are the same to Python.
    """
    bare = [line.rstrip() for line in lines]
    if not path.endswith(".py"):
        return bare
    try:
        tree = ast.parse(b"".join(lines))
        said = [(number, text) for node in ast.walk(tree) for number, text in _of(node, bare)]
    except (SyntaxError, ValueError, RecursionError):
        return bare
    parts: dict[int, list[str]] = {}
    for number, text in said:
        parts.setdefault(number, []).append(text)
    return [
        "".join(parts[number]).encode("utf-8", "surrogatepass") if number in parts else line
        for number, line in enumerate(bare, start=1)
    ]


def _of(node: ast.AST, bare: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    """The lines of a statement, of a block those of its head, and what they say."""
    if not isinstance(node, _Block):
        return
    head = copy.copy(node)
    for name in _BLOCKS:
        if hasattr(head, name):
            setattr(head, name, [])
    lines = [line for each in ast.walk(head) for line in _lines(each)] if _is_block(node) else _lines(node)
    if not lines:
        return
    text = f"{getattr(node, 'col_offset', 0)} {ast.dump(head)}"
    written = [n for n in range(min(lines), max(lines) + 1) if not bare[n - 1].lstrip().startswith(b"#")]
    for place, number in enumerate(written):
        yield number, f"{place} {text};"


def _is_block(node: ast.AST) -> bool:
    return any(hasattr(node, name) for name in _BLOCKS)


def _lines(node: ast.AST) -> list[int]:
    """The first and the last line of a node; of a block only the first, as its last is its body's."""
    first = getattr(node, "lineno", None)
    if first is None:
        return []
    return [first] if _is_block(node) else [first, getattr(node, "end_lineno", None) or first]
