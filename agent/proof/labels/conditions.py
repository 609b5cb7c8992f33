"""What is served under more conditions than on the base. Whether they ever hold, only a reader can tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.proof.labels.served import Served, served_by
from agent.proof.labels.sources import Trees

_CONDITIONAL = (ast.If, ast.While, ast.IfExp)


def conditioned(old: Trees, new: Trees) -> list[Served]:
    """What every place in the new trees serves under more conditions than some place in the old ones."""
    before, after = _depths(old), _depths(new)
    found = [each for each in before.keys() & after.keys() if min(after[each]) > min(before[each])]
    return sorted(found, key=lambda each: (each.kind, each.name))


def _depths(trees: Trees) -> dict[Served, list[int]]:
    found: dict[Served, list[int]] = {}
    for module in trees.values():
        for each, depth in _served_at(module.tree):
            found.setdefault(each, []).append(depth)
    return found


def _served_at(tree: ast.Module) -> Iterator[tuple[Served, int]]:
    """Everything that is served with the number of conditions that it stands under."""
    waiting: list[tuple[int, ast.AST]] = [(0, tree)]
    while waiting:
        depth, node = waiting.pop()
        if isinstance(node, ast.Call):
            yield from ((each, depth) for each in served_by(node))
        below = depth + isinstance(node, _CONDITIONAL)
        waiting += [
            (depth if child is getattr(node, "test", None) else below, child)
            for child in ast.iter_child_nodes(node)
        ]
