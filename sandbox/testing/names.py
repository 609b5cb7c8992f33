"""The names and texts that a Python source holds, by which it can reach other files."""

from __future__ import annotations

import ast

from sandbox.inside.testrun.syntax import folded


def imported(source: bytes, *, tops: bool = False) -> list[tuple[int, str]]:
    """Every dotted name that a Python source imports, with its line; none where it does not compile.

    tops   only those by which something at the top of the path is imported
    """
    found = []
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not (tops and node.level):
            found += [(node.lineno, f"{node.module or ''}.{alias.name}".strip(".")) for alias in node.names]
    return found


def texts(source: bytes) -> list[tuple[int, str]]:
    """Every string literal of a Python source, put together where it stands in parts, with its line."""
    whole = ((node, folded(node)) for node in _nodes(source) if isinstance(node, ast.Constant | ast.BinOp))
    return [(node.lineno, text) for node, text in whole if text]


def _nodes(source: bytes) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []
