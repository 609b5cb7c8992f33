"""Expressions told apart by what they take from where, not by the names of local variables."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_ANY = frozenset({"Exception", "BaseException"})
_TESTS = (ast.If, ast.IfExp, ast.While, ast.Assert)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)


@dataclass(frozen=True)
class Code:
    """One file of a service, parsed."""

    path: str
    text: str
    tree: ast.Module

    @staticmethod
    def of(path: str, text: str) -> Code | None:
        """None for what is no Python that this interpreter can parse."""
        try:
            return Code(path, text, ast.parse(text))
        except (SyntaxError, ValueError, RecursionError):
            return None

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def at(self, line: int) -> Iterator[ast.expr]:
        """The expressions that a line has a part in."""
        for node in self.nodes:
            if isinstance(node, ast.expr) and node.lineno <= line <= (node.end_lineno or node.lineno):
                yield node

    def line(self, number: int) -> str:
        return self.text.splitlines()[number - 1].strip()

    def step(self, node: ast.AST, depth: int = 4) -> str:
        """The last step to a value: an attribute, a key, a call; empty where nothing tells it from others."""
        match node:
            case ast.Attribute(attr=name):
                return f".{name}"
            case ast.Subscript(slice=ast.Constant(value=key)):
                return f"[{key!r}]"
            case ast.Call(func=function, args=arguments) if name := called(function):
                told = ", ".join(self._argument(one, depth) for one in arguments)
                return f"{name}({told})"
            case ast.Await(value=inner) | ast.Starred(value=inner):
                return self.step(inner, depth)
            case ast.Name(id=name) if name.isupper():
                return name
            case ast.Name() if depth and (value := self._assigned(node)) is not None:
                return self.step(value, depth - 1)
        return ""

    def _argument(self, node: ast.expr, depth: int) -> str:
        return repr(node.value) if isinstance(node, ast.Constant) else self.step(node, depth - 1) or "_"

    def _assigned(self, name: ast.Name) -> ast.expr | None:
        """What a local name was last given before it is read; None for a parameter or a loop's variable."""
        value: ast.expr | None = None
        for node in ast.walk(self.scope(name)):
            if isinstance(node, ast.Assign) and node.lineno < name.lineno:
                same = any(isinstance(one, ast.Name) and one.id == name.id for one in node.targets)
                value = node.value if same else value
        return value

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class or module around a node."""
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, _SCOPES):
                break
        return node

    def is_awaited(self, node: ast.AST) -> bool:
        return isinstance(self._parents.get(node), ast.Await)

    def is_guarded(self, node: ast.AST, step: str, caught: frozenset[str]) -> bool:
        """Whether the function looks at the value first, or catches what it may raise there."""
        return any(self._catches(node, caught)) or any(self._tests(node, step))

    def _catches(self, node: ast.AST, caught: frozenset[str]) -> Iterator[bool]:
        while node in self._parents and not isinstance(node, _SCOPES):
            child, node = node, self._parents[node]
            if isinstance(node, ast.Try) and child in node.body:
                for handler in node.handlers:
                    names = {called(part) for part in _parts(handler.type)}
                    yield handler.type is None or bool(names & (caught | _ANY))

    def _tests(self, node: ast.AST, step: str) -> Iterator[bool]:
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        for other in ast.walk(self.scope(node)):
            for test in _asked(other):
                plain = test.operand if isinstance(test, ast.UnaryOp) else test
                yield isinstance(plain, ast.Name) and plain.id in names
                yield bool(step) and self._mentions(test, step)

    def _mentions(self, test: ast.expr, step: str) -> bool:
        keys = (f"[{one.value!r}]" for one in ast.walk(test) if isinstance(one, ast.Constant))
        return step in keys or any(self.step(one) == step for one in ast.walk(test))


def _asked(node: ast.AST) -> list[ast.expr]:
    """What a node makes something depend on."""
    if isinstance(node, _TESTS):
        return [node.test]
    if isinstance(node, ast.comprehension):
        return node.ifs
    return node.values if isinstance(node, ast.BoolOp) else []


def called(function: ast.AST | None) -> str:
    """The last name of what is called or caught."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _parts(kind: ast.expr | None) -> list[ast.expr]:
    return list(kind.elts) if isinstance(kind, ast.Tuple) else [kind] if kind is not None else []
