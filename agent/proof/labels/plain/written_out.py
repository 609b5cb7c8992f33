"""What tests make a text of that tells where they run: the text of a module, a task or a record holds a path.

So may that of what a mock was given.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from agent.proof.labels.constants import last_name
from agent.proof.labels.plain.conditions import TELLING
from agent.proof.labels.plain.words import bound
from agent.proof.labels.sources import shown

_TASKS = frozenset({"all_tasks", "create_task", "current_task", "ensure_future"})
_KEPT = frozenset(
    {"await_args", "await_args_list", "call_args", "call_args_list", "method_calls", "mock_calls", "records"}
)
_TEXTS = frozenset({"ascii", "dumps", "format", "print", "repr", "str"}) | TELLING
_REPLACING = frozenset({"delattr", "multiple", "object", "setattr"})


def written_out(every: Sequence[ast.AST], modules: Collection[str]) -> Iterator[str]:
    """What of the kind stands in the nodes of tests, in words; `modules` are names of modules."""
    reached = {id(node.value) for node in every if isinstance(node, ast.Attribute | ast.Await)}
    reached |= {id(part) for node in every for part in _replaced(node)}
    for node in every:
        if isinstance(node, ast.Name) and node.id in modules and id(node) not in reached:
            yield f"hands on the module {node.id}"
    placed = {name for node in every for name in _placed(node)}
    for node in every:
        for part in _text_of(node):
            for each in ast.walk(part):
                if id(each) not in reached and _tells_where(each, placed):
                    yield f"writes out `{shown(each)}`"


def _replaced(node: ast.AST) -> Iterator[ast.expr]:
    """Of what something is replaced there, or only the number or the identity is told."""
    match node:
        case ast.Call(func=func, args=[first, *_]) if last_name(func) in _REPLACING | {"len"}:
            yield first
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[other]):
            yield from (left, other)


def _placed(node: ast.AST) -> Iterator[str]:
    """Names that are given tasks, or records of the log."""
    match node:
        case ast.Assign(value=value) | ast.For(iter=value) | ast.comprehension(iter=value) if any(
            _tells_where(each, ()) for each in ast.walk(value)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name for target in targets for each in ast.walk(target) for name in bound(each))


def _text_of(node: ast.AST) -> Iterator[ast.expr]:
    """What a node makes a text of."""
    match node:
        case ast.FormattedValue(value=value):
            yield value
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str()), right=right):
            yield right
        case ast.Call(func=func, args=args, keywords=keywords) if last_name(func) in _TEXTS:
            yield from (*args, *(each.value for each in keywords))


def _tells_where(node: ast.AST, placed: Collection[str]) -> bool:
    match node:
        case ast.Call(func=func):
            return last_name(func) in _TASKS
        case ast.Attribute(attr=attr):
            return attr in _KEPT
        case ast.Name(id=name):
            return name in placed
    return False
