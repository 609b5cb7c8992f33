"""Which functions of a test file are tests, and what pytest calls them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .statements import blocks_of

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_functions(tree: ast.AST) -> Iterator[Function]:
    """Functions named like tests, at the top of a module or in its classes, in the order of the file."""
    for block in blocks_of(tree):
        for node in block:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from test_functions(node)
            elif node.name.startswith("test"):
                yield node


def test_ids(tree: ast.Module, path: str) -> list[str]:
    """The ids of the tests that a module holds for sure, without parameters: `path::Class::test_name`."""
    return [f"{path}::{'::'.join(names)}" for names in _named(tree.body, _test_cases(tree))]


def _named(body: list[ast.stmt], cases: set[str]) -> Iterator[tuple[str, ...]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            if not any("fixture" in ast.dump(decorator) for decorator in node.decorator_list):
                yield (node.name,)
        elif isinstance(node, ast.ClassDef) and (node.name in cases or _plain_test_class(node)):
            yield from ((node.name, *names) for names in _named(node.body, cases))


def _plain_test_class(node: ast.ClassDef) -> bool:
    members = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
    return node.name.startswith("Test") and "__init__" not in members and not _hidden(node)


def _hidden(node: ast.ClassDef) -> bool:
    assigned = [target for child in node.body if isinstance(child, ast.Assign) for target in child.targets]
    return any(isinstance(target, ast.Name) and target.id == "__test__" for target in assigned)


def _test_cases(tree: ast.Module) -> set[str]:
    """Names of the module's unittest classes, also those that inherit from one of the module."""
    cases: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not _hidden(node):
            bases = {
                base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                for base in node.bases
            }
            if bases & cases or any(base.endswith("TestCase") for base in bases):
                cases.add(node.name)
    return cases
