"""Small questions about syntax trees, as the static look asks them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_FOLDED = 4096


def in_literal(annotation: ast.expr | None, part: ast.Constant) -> bool:
    """Whether a string stands in `Literal[...]` or behind `Annotated[..., `: nobody evaluates it there."""
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Subscript):
            name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if name in ("Literal", "Annotated") and part in ast.walk(node.slice):
                return True
    return False


def docstrings(tree: ast.Module) -> Iterator[int]:
    """Ids of the strings that stand alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)


def plainly_used(tree: ast.Module) -> Iterator[int]:
    """Names that stand in front of a dot, as modules do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield id(node.value)
        elif isinstance(node, ast.Call) and is_named(node.func, "getattr", "hasattr") and node.args:
            yield id(node.args[0])
        elif isinstance(node, ast.Compare) and all(is_none(side) for side in node.comparators):
            yield id(node.left)


def asks_plainly(node: ast.If) -> bool:
    """Whether an `if` is the usual question for the main program."""
    return ast.unparse(node.test) in ("__name__ == '__main__'", "'__main__' == __name__")


def front(node: ast.expr) -> ast.expr:
    """What stands at the front of a chain of attributes and subscripts."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node


def is_named(node: ast.expr, *names: str) -> bool:
    """Whether a node is one of these names."""
    return isinstance(node, ast.Name) and node.id in names


def makes_class(call: ast.Call) -> bool:
    """Whether a call is `type(name, bases, body)`, or the same of what `type(...)` gave as a metaclass."""
    called = call.func.func if isinstance(call.func, ast.Call) else call.func
    return len(call.args) == 3 and is_named(called, "type")


def is_none(node: ast.expr) -> bool:
    """Whether a node is `None`."""
    return isinstance(node, ast.Constant) and node.value is None


def is_text(node: ast.expr) -> bool:
    """Whether a node is a string literal."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def could_be_path(node: ast.expr) -> bool:
    """Whether a first argument of open() may be a path, and no number."""
    return not (isinstance(node, ast.Constant) and isinstance(node.value, int))


_COMPARES: dict[str, type[ast.cmpop]] = {
    "__eq__": ast.Eq, "__ne__": ast.NotEq, "__lt__": ast.Lt, "__le__": ast.LtE, "__gt__": ast.Gt,
    "__ge__": ast.GtE,
}  # fmt: skip


def compares_alike(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether an operator asks the very same of both sides and compares that by itself; so does a hash.

    What another type is answered is left to Python: `NotImplemented`, before anything else.
    """
    names = [argument.arg for argument in node.args.args]
    *before, last = node.body
    answer = last.value if isinstance(last, ast.Return) else None
    if isinstance(node, ast.AsyncFunctionDef) or not all(map(_leaves_it_to_python, before)):
        return False
    if node.name == "__hash__":
        return isinstance(answer, ast.Call) and is_named(answer.func, "hash") and _is_plain(answer, names)
    if not isinstance(answer, ast.Compare) or len(names) != 2 or len(answer.ops) != 1:
        return False
    one, other = ast.unparse(answer.left), ast.unparse(answer.comparators[0])
    alike = re.sub(rf"\b{names[0]}\b", names[1], one) == other and one != other
    return alike and isinstance(answer.ops[0], _COMPARES.get(node.name, ast.Is)) and _is_plain(answer, names)


def _is_plain(answer: ast.expr, names: list[str]) -> bool:
    """Whether it is made of attributes, and tuples of them, only."""
    parts = (ast.Compare, ast.Tuple, ast.Attribute, ast.Name, ast.expr_context, ast.cmpop)
    inner = answer.args if isinstance(answer, ast.Call) else [answer]
    found = [node for each in inner for node in ast.walk(each)]
    return all(isinstance(node, parts) for node in found) and all(
        node.id in names for node in found if isinstance(node, ast.Name)
    )


def _leaves_it_to_python(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or (isinstance(node, ast.If) and ast.unparse(node.body[0]) == "return NotImplemented")


def folded(node: ast.expr) -> str | None:
    """The text of a string that is put together from literals, or None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = folded(node.left), folded(node.right)
        return (
            left + right if left is not None and right is not None and len(left + right) < _FOLDED else None
        )
    return None
