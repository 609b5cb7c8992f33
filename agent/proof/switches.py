"""Switches: what a test sets in the code under test that only the patch reads.

Such a test turns on what stays off where the service runs, so its pass says nothing about that.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from sandbox.git import blobs
from sandbox.parts import contents
from sandbox.patch import Patch
from sandbox.review import is_test
from sandbox.worktree import PrivateRepository

_WORD = re.compile(r"[A-Za-z_]\w*")
_SETS = frozenset(
    {
        *("setattr", "setitem", "setenv", "delenv", "putenv", "setdefault", "update"),
        *("patch", "object", "dict", "multiple"),
    }
)


def switches(repo: PrivateRepository, patch: Patch) -> list[str]:
    """What the patch's new tests set and only its code has; one line for each place.

    Raises:
        GitError: the patch is not of this repository.
    """
    after = {path: each for path, each in contents(repo, patch).items() if path.endswith(".py")}
    known = repo.listing(patch.base, (f"services/{patch.service}",))
    old = [known[path].oid for path in known if path.endswith(".py") and not is_test(path)]
    had = {word for source in blobs(repo.git_dir, old) for word in _words(source)}
    fresh = {word for path, each in after.items() if not is_test(path) for word in _words(each)} - had
    return switched({path: each for path, each in after.items() if is_test(path)}, fresh)


def switched(tests: Mapping[str, bytes], fresh: set[str]) -> list[str]:
    """Where tests, by path, set what has one of these names."""
    found = []
    for path, source in sorted(tests.items()):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            continue
        nodes = (node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt))
        places = {(node.lineno, name) for node in nodes for name in _set_by(node) if name in fresh}
        found += [f"{path}:{line} sets {name}, which only the patch reads" for line, name in sorted(places)]
    return found


def _words(source: bytes) -> list[str]:
    return _WORD.findall(source.decode("utf-8", "replace"))


def _set_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        # A fake that a test makes may hold what it likes, in its own methods.
        if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            yield node.attr
    elif isinstance(node, ast.ClassDef) and node.bases:
        yield from (each.id for child in node.body for each in _targets(child))
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        if "environ" in ast.unparse(node.value):
            yield from _texts(node.slice)
    elif isinstance(node, ast.Call) and _called(node) in _SETS:
        for argument in node.args:
            yield from _texts(argument)
        yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def _targets(statement: ast.stmt) -> Iterator[ast.Name]:
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        yield from (
            n for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        )


def _texts(expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _WORD.findall(node.value)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
