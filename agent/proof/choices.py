"""Where a test chooses what to do by the code it runs on, or by the clock.

Nothing in its files may: on the base it would do another thing than on the patch, and fail there by its own
doing.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Mapping

from agent.proof.script_choices import script_choices

_ASKS = frozenset({"hasattr", "vars", "dir", "callable", "globals", "locals", "getsource", "signature"})
_LOOKS = frozenset(
    {
        *("__file__", "__dict__", "__doc__", "__code__", "__annotations__", "__dataclass_fields__"),
        *("__version__", "__defaults__", "__spec__", "modules", "getsource", "getsourcelines", "signature"),
        *("import_module", "find_spec", "getcwd", "cwd", "walk", "scandir", "listdir", "iterdir"),
        *("glob", "rglob", "importorskip"),
    }
)
_READS = frozenset({"open", "__spec__", "__loader__", "__builtins__", "__import__"})
_PICKS = frozenset({"get", "__getitem__", "pop", "setdefault", "replace", "strip", "lstrip", "rstrip"})
"""By what these are given they take one thing of several."""
_CLOCKS = frozenset(
    {"monotonic", "monotonic_ns", "now", "perf_counter", "time", "time_ns", "today", "utcnow", "uuid4"}
)
_SCRIPTS = (".js", ".mjs", ".cjs")
_FORGES = frozenset({"__code__", "__traceback__", "with_traceback", "throw"})
_OWN_FILES = re.compile(r"\.py$|^/work|^services/")


def choices(sources: Mapping[str, bytes]) -> list[str]:
    """Where test files decide by the code they run on, or forge where an exception comes from.

    `sources` are by path; Python and scripts are looked at. One line for each place.
    """
    found = []
    for path, source in sorted(sources.items()):
        if path.endswith((".py", *_SCRIPTS)):
            places = _choices_in(source) if path.endswith(".py") else script_choices(source, path)
            found += [f"{path}:{line} {what}" for line, what in places]
    return found


def is_of_script(choice: str) -> bool:
    """Whether one of `choices` was found in a test of Node's."""
    return choice.partition(":")[0].endswith(_SCRIPTS)


def _choices_in(source: bytes) -> list[tuple[int, str]]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return [(1, "cannot be read")]
    look = _Look(_under_test(tree))
    look.visit(tree)
    return sorted(set(look.found))


class _Look(ast.NodeVisitor):
    """Finds what a test has no need of. `code` are names that stand for the code under test."""

    def __init__(self, code: frozenset[str]) -> None:
        self._code = code
        self.found: list[tuple[int, str]] = []

    def _tell(self, node: ast.expr | ast.stmt | ast.match_case, what: str) -> None:
        self.found.append((getattr(node, "lineno", 1), what))

    def _decided(self, *deciding: ast.expr) -> None:
        for node in deciding:
            if _is_of(node, self._code):
                self._tell(node, "decides by what the code under test has, or by the clock")

    def visit_If(self, node: ast.If) -> None:
        self._decided(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._decided(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._decided(node.test)
        self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> None:
        self._decided(node.subject)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._decided(*node.ifs)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._decided(node.slice)
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        # A claim in several parts fails as one: only what comes after `or` may be left out in a pass.
        whole = node.test
        if isinstance(whole, ast.BoolOp) and isinstance(whole.op, ast.And):
            for part in whole.values:
                self.visit(part)
        else:
            self.visit(whole)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._decided(*node.values[:-1])
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        if node.handlers and any(_names(statement) & self._code for statement in node.body):
            self._tell(node, "goes on when the code under test fails")
        self.generic_visit(node)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.visit_Try(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        defaulted = called == "getattr" and len(node.args) + len(node.keywords) != 2
        if called in _ASKS or defaulted:
            self._tell(node, f"asks what the code under test has ({called})")
        if called == "suppress":
            self._tell(node, "goes on when the code under test fails")
        if isinstance(node.func, ast.Attribute) and node.func.attr in _PICKS:
            self._decided(*node.args)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in _READS:
            self._tell(node, f"looks at the code under test ({node.id})")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in _FORGES:
            self._tell(node, f"changes where an exception comes from ({node.attr})")
        elif node.attr in _LOOKS:
            self._tell(node, f"looks at the code under test ({node.attr})")
        elif node.attr == "suppress":
            self._tell(node, "goes on when the code under test fails")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and (node.value in _LOOKS or _OWN_FILES.search(node.value)):
            self._tell(node, f"looks at the code under test ({node.value[:40]!r})")


def _under_test(tree: ast.Module) -> frozenset[str]:
    """Names that stand for the code under test: what is imported of it, and what is made of that.

    So do those of what the clock tells: it is no test's to choose by either.
    """
    every = list(ast.walk(tree))
    code = {name for node in every for name in _imported(node)}
    own = {node.name: node.args for node in every if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    before = -1
    while before != len(code):
        before = len(code)
        for node in every:
            if isinstance(node, ast.Assign) and _is_of(node.value, code):
                code |= {name for target in node.targets for name in _stored(target)}
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign) and node.value is not None:
                code |= _stored(node.target) if _is_of(node.value, code) else set()
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _gives(node, code):
                code.add(node.name)
            elif isinstance(node, ast.Call):
                code |= _handed(node, own, code)
    return frozenset(code)


def _handed(call: ast.Call, own: Mapping[str, ast.arguments], code: set[str]) -> set[str]:
    """Parameters of the tests' own functions that are given what comes of the code under test."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    takes = own.get(name)
    if takes is None:
        return set()
    places = [place.arg for place in (*takes.posonlyargs, *takes.args) if place.arg not in ("self", "cls")]
    if any(isinstance(each, ast.Starred) and _is_of(each, code) for each in call.args):
        return {*places}
    found = {place for place, given in zip(places, call.args, strict=False) if _is_of(given, code)}
    return found | {each.arg for each in call.keywords if each.arg and _is_of(each.value, code)}


def _imported(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Import):
        tops = {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        tops = {alias.asname or alias.name: "." * node.level + (node.module or "") for alias in node.names}
    else:
        return ()
    return [name for name, module in tops.items() if not _is_foreign(module.partition(".")[0])]


def _is_foreign(top: str) -> bool:
    return top in sys.stdlib_module_names or top in ("pytest", "pytest_asyncio")


def _gives(function: ast.FunctionDef | ast.AsyncFunctionDef, code: set[str]) -> bool:
    returned = (node for node in ast.walk(function) if isinstance(node, ast.Return) and node.value)
    return any(_is_of(node, code) for node in returned)


def _is_of(node: ast.AST, code: Collection[str]) -> bool:
    """Whether there is the code under test in it, or the clock."""
    return any(
        (isinstance(child, ast.Name) and child.id in code)
        or (isinstance(child, ast.Call) and getattr(child.func, "attr", "") in _CLOCKS)
        for child in ast.walk(node)
    )


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _stored(target: ast.AST) -> set[str]:
    """Plain names that an assignment binds; what is put into an object is not followed."""
    return {n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
