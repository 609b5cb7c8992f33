"""What one source says about its own names and nodes, read before it is looked at."""

from __future__ import annotations

import ast

from .syntax import asks_plainly, docstrings, plainly_used


class Known:
    """Read from a whole tree, so that each node can be judged by what stands elsewhere.

    imported    what a name was imported as, by the full name of what it stands for
    modules     the same, of names that stand for a module
    docstrings  ids of texts that say nothing
    plain       ids of names that stand in front of a dot, as modules do
    as_program  ids of the usual question for the main program
    called      ids of what is called
    """

    def __init__(self, tree: ast.Module) -> None:
        self.imported: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        self._read_imports(tree)
        self.docstrings = set(docstrings(tree))
        self.plain = set(plainly_used(tree))
        self.as_program = {
            id(node.test)
            for node in tree.body
            if isinstance(node, ast.If) and not node.orelse and asks_plainly(node)
        }
        self.called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}

    def _read_imports(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.modules[bound] = alias.name if alias.asname else bound
                    self.imported[bound] = alias.name
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
