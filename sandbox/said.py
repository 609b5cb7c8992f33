"""What a source says to a machine, piece by piece: how it is written is nothing that a hunk is needed for."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_Block = (ast.stmt, ast.ExceptHandler, ast.match_case)


class Piece(NamedTuple):
    """A statement, the head of a block, or a line that is neither: what it says, and its lines (0-based)."""

    said: bytes
    start: int
    end: int


def pieces(path: str, lines: Sequence[bytes]) -> list[Piece]:
    """All lines of a source in pieces. Two that say the same are the same to Python.

    Of what cannot be read as Python each line is a piece.
    """
    try:
        tree = ast.parse(b"".join(lines)) if path.endswith(".py") else ast.Module([], [])
        told = sorted(one for node in ast.walk(tree) for one in _told(node))
    except (SyntaxError, ValueError, RecursionError):
        told = []
    found: list[Piece] = []
    at = 0
    for start, end, said in told:
        if start < at:
            # `if done: return` is two statements on one line.
            last = found.pop()
            found.append(Piece(last.said + said, last.start, max(last.end, end)))
        else:
            found += (_line(lines, number) for number in range(at, start))
            found.append(Piece(said, start, end))
        at = found[-1].end
    return [*found, *(_line(lines, number) for number in range(at, len(lines)))]


def _line(lines: Sequence[bytes], number: int) -> Piece:
    return Piece(lines[number].rstrip(), number, number + 1)


def _told(node: ast.AST) -> Iterator[tuple[int, int, bytes]]:
    """Where a statement stands, of a block its head, and what it says."""
    if not isinstance(node, _Block):
        return
    head = copy.copy(node)
    for name in _BLOCKS:
        if hasattr(head, name):
            setattr(head, name, [])
    is_block = any(hasattr(node, name) for name in _BLOCKS)
    placed = [each for each in ast.walk(head) if hasattr(each, "lineno")]
    if placed:
        # A block ends where its body does: its head ends where the last of what it is made of does.
        ends = [getattr(each, "end_lineno", 0) for each in placed if not (is_block and each is head)]
        starts = [getattr(each, "lineno", 0) for each in placed]
        said = f"{getattr(node, 'col_offset', 0)} {ast.dump(head)};"
        yield min(starts) - 1, max([*ends, min(starts)]), said.encode("utf-8", "surrogatepass")
