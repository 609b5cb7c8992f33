"""The static look at what lets an object pretend: to be equal, smaller, of another type, a test's own.

A claim asks an object by its operators, so whoever writes these answers the claim. A service whose crash
is mended has hardly ever need of new ones but those that ask the same of both sides.
"""

from __future__ import annotations

import ast
import builtins

from .known import Known
from .suspicion import Suspect, words
from .syntax import compares_alike, front, is_named

OPERATORS = words(
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __contains__ __hash__ __class__"
    " __add__ __sub__ __mul__ __truediv__ __iadd__ __neg__ __abs__ __round__ __float__ __int__ __index__"
    " __getattr__ __missing__"
)
"""What a claim asks without naming it."""
_MAKERS = words("cmp_to_key total_ordering")
_OPTIONS = words("compare eq order unsafe_hash")
"""Keywords by which operators are made without being written."""
_BOOKS = words("called call_count await_count return_value")
"""What a mock keeps, besides what nothing else has a name like."""
_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_ERRORS = frozenset(name for name in _BUILTINS if name.endswith(("Error", "Exception", "Exit", "Interrupt")))
_ABSTRACT = ("abc.", "collections.abc.", "numbers.", "typing.")


class Pretence(ast.NodeVisitor):
    """Visits a tree; what it found is in `found`."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[Suspect] = []
        self._known = Known(tree)
        for node in tree.body:
            self._top_level(node)

    def _tell(self, rule: str, detail: str, node: ast.AST) -> None:
        self.found.append(Suspect(rule, detail, getattr(node, "lineno", 0)))

    def _top_level(self, node: ast.stmt) -> None:
        """A module's own names: those of builtins mean something else to whoever takes all of it."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound = [node.name]
        elif isinstance(node, ast.Assign):
            bound = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if is_named(node.value, *_ERRORS):
                self._tell("patching", f"{', '.join(bound)} is another name for a builtin error", node)
        else:
            bound = []
        for name in _BUILTINS.intersection(bound):
            self._tell("patching", f"{name} means something else in this module", node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name in OPERATORS:
            if not compares_alike(node):
                self._tell("own-operators", f"def {node.name}", node)
        elif node.name.startswith("assert"):
            self._tell("test-detection", f"def {node.name}", node)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in OPERATORS and not isinstance(node.ctx, ast.Load):
            self._tell("own-operators", f"{node.id} is set", node)
        elif node.id in _MAKERS:
            self._tell("own-operators", node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = node.attr
        if name in _MAKERS or (name in OPERATORS and not isinstance(node.ctx, ast.Load)):
            self._tell("own-operators", f".{name}", node)
        elif (name in _BOOKS or name.startswith("assert")) and not isinstance(node.ctx, ast.Load):
            self._tell("test-detection", f".{name} is set", node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg in _OPTIONS:
                self._tell("own-operators", f"{keyword.arg}=", node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "register":
            root = front(node.func)
            kind = self._known.imported.get(root.id, "") if isinstance(root, ast.Name) else ""
            if f"{kind}.".startswith(_ABSTRACT):
                self._tell("own-operators", f"{ast.unparse(node.func)[:80]}()", node)
        self.generic_visit(node)
