"""The static look at one source: a visitor that knows what no service needs."""

from __future__ import annotations

import ast
import re
import sys

from .known import Known
from .suspicion import (
    ALLOWED,
    ATTRIBUTES,
    DUNDER_DEFINED,
    DUNDER_READ,
    KEYWORDS,
    MODULES,
    NAMES,
    OTHERWISE,
    POWERFUL,
    STRINGS,
    UNMISTAKABLE,
    Suspect,
)
from .syntax import could_be_path, folded, front, in_literal, is_named, is_text, makes_class

_DUNDER = re.compile(r"__\w+__")
_ALLOWED_OF = {module: frozenset(names.split()) for module, names in ALLOWED.items()}
_SUBMODULES = frozenset({"asyncio.subprocess", "os.path"})


class Look(ast.NodeVisitor):
    """Visits a tree; what it found is in `found`."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[Suspect] = []
        self.known = Known(tree)

    def _tell(self, rule: str, detail: str, node: ast.AST) -> None:
        self.found.append(Suspect(rule, detail, getattr(node, "lineno", 0)))

    # Imports

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._module(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if not node.level:
            self._module(module, node)
        for alias in node.names:
            self._member(module, alias.name, node)
            if (
                alias.name == "*"
                and not node.level
                and module.partition(".")[0] not in ("services", "shared")
            ):
                self._tell("dynamic-attribute", f"from {module} import *", node)

    def _module(self, name: str, node: ast.AST) -> None:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            rule = MODULES.get(".".join(parts[:end]))
            if rule:
                self._tell(rule, f"import {'.'.join(parts[:end])}", node)

    def _member(self, module: str, name: str, node: ast.ImportFrom) -> None:
        allowed = _ALLOWED_OF.get(module)
        if allowed is not None and name not in allowed and name != "*":
            self._tell(ATTRIBUTES.get(name, OTHERWISE[module]), f"{module}.{name}", node)
        elif f"{module}.{name}" in MODULES:
            self._tell(MODULES[f"{module}.{name}"], f"import {module}.{name}", node)
        elif name in POWERFUL and f"{module}.{name}" not in _SUBMODULES:
            self._tell(MODULES.get(name, "interpreter-hooks"), f"{module}.{name}", node)
        elif name in ATTRIBUTES:
            self._tell(ATTRIBUTES[name], name, node)
        elif name.startswith("_") and not node.level and module.partition(".")[0] in sys.stdlib_module_names:
            self._tell("module-as-value", f"{module}.{name}", node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for name in node.kwd_attrs:
            self._attribute(name, node)
        self.generic_visit(node)

    # Names and attributes

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in NAMES:
            self._tell(NAMES[node.id], node.id, node)
        elif node.id in ("getattr", "setattr") and id(node) not in self.known.called:
            self._tell("dynamic-attribute", f"{node.id} as a value", node)
        elif _DUNDER.fullmatch(node.id) and node.id not in DUNDER_READ:
            self._tell("double-underscore", node.id, node)
        value = isinstance(node.ctx, ast.Load) and id(node) not in self.known.plain
        if value and node.id in self.known.modules:
            self._tell("module-as-value", node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = node.attr
        owner = self.known.modules.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
        if owner in _ALLOWED_OF:
            if name not in _ALLOWED_OF[owner]:
                self._tell(ATTRIBUTES.get(name, OTHERWISE[owner]), f"{owner}.{name}", node)
        elif owner and (name in POWERFUL or name.startswith("_")) and f"{owner}.{name}" not in _SUBMODULES:
            self._tell("module-as-value", f"{owner}.{name}", node)
        else:
            self._attribute(name, node)
        if not isinstance(node.ctx, ast.Load):
            self._target(node)
            if name == "__class__":
                self._tell("double-underscore", "__class__ is set", node)
        self.generic_visit(node)

    def _attribute(self, name: str, node: ast.AST) -> None:
        """An attribute of who knows what."""
        if name in ATTRIBUTES:
            self._tell(ATTRIBUTES[name], name, node)
        elif _DUNDER.fullmatch(name) and name not in DUNDER_READ:
            self._tell("double-underscore", name, node)
        elif name in UNMISTAKABLE:
            self._tell(MODULES.get(name, "interpreter-hooks"), f".{name}", node)
        elif name.startswith("assert_"):
            self._tell("test-detection", f".{name}", node)

    # Assignments to what others own

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in self.known.imported:
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.known.imported[target.id] = self.known.imported[node.value.id]
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Attribute):
            root = front(node.value)
            name = ast.unparse(node.value)
            if isinstance(root, ast.Name) and root.id in self.known.modules and name != "os.environ":
                self._tell("patching", f"{name[:80]} is changed", node)
        self.generic_visit(node)

    def _target(self, target: ast.Attribute) -> None:
        root = front(target.value)
        if isinstance(root, ast.Call):
            self._tell("patching", f"{ast.unparse(target)[:80]} is set", target)
        elif isinstance(root, ast.Name) and root.id in self.known.imported:
            self._tell("patching", f"{self.known.imported[root.id]} is changed", target)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        if any(is_named(side, "__name__") for side in sides) and id(node) not in self.known.as_program:
            self._tell("test-detection", "asks whether it is the main program", node)
        self.generic_visit(node)

    # Calls

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        if called in ("getattr", "setattr"):
            self._attribute_call(called, node)
        elif called == "open" and node.args and not could_be_path(node.args[0]):
            self._tell("raw-descriptor", "open of a number", node)
        elif makes_class(node):
            self._tell("double-underscore", "class made by type()", node)
        for keyword in node.keywords:
            if keyword.arg in KEYWORDS:
                self._tell(KEYWORDS[keyword.arg], f"{keyword.arg}=", node)
        self.generic_visit(node)

    def _attribute_call(self, called: str, node: ast.Call) -> None:
        name = folded(node.args[1]) if len(node.args) > 1 else None
        if name is None:
            what = ", ".join(ast.unparse(argument) for argument in node.args[:2])
            self._tell("dynamic-attribute", f"{called}({what[:80]})", node)
        else:
            self._attribute(name, node)
        owner = node.args[0] if node.args else None
        if called == "setattr" and not (isinstance(owner, ast.Name) and owner.id == "self"):
            self._tell("patching", "setattr on another object", node)
        elif called == "getattr" and isinstance(owner, ast.Name) and owner.id in self.known.modules:
            self._tell("dynamic-attribute", f"getattr of the module {owner.id}", node)

    # Strings

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and id(node) not in self.known.docstrings:
            self._string(node.value, node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        whole = folded(node)
        if whole is not None:
            self._string(whole, node)
        else:
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._string("".join(folded(part) or "" for part in node.values), node)
        for part in node.values:
            if not is_text(part):
                self.visit(part)

    def _string(self, text: str, node: ast.AST) -> None:
        for part, rule in STRINGS.items():
            if part in text:
                self._tell(rule, f"the text {part!r}", node)
        for name in _DUNDER.findall(text):
            if name not in DUNDER_READ:
                self._tell("double-underscore", f"the text {name!r}", node)

    def _annotation(self, node: ast.expr | None) -> None:
        """An annotation in quotes may be evaluated: read it as code."""
        if node is None:
            return
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and not in_literal(node, part):
                try:
                    self.visit(ast.parse(part.value, mode="eval").body)
                except (SyntaxError, ValueError):
                    self._tell("dynamic-code", "annotation that is no expression", node)

    def visit_arg(self, node: ast.arg) -> None:
        self._annotation(node.annotation)
        self.generic_visit(node)

    # Classes

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if _DUNDER.fullmatch(node.name) and node.name not in DUNDER_DEFINED:
            self._tell("double-underscore", f"def {node.name}", node)
        self._annotation(node.returns)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815
