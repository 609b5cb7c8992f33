"""Which tests may stand for an incident: they fail as it did, and do not choose what to do by the code.

A test that first looks which version of the code it runs on can fail on the base and pass on any
patch. Where the captured world does not show the crash, such a test would be all there is. So a
new test counts only if nothing in its files decides by the code under test, and if it was seen to
make the same calls into that code on both (`same_way`); what these calls give it is behaviour, and
is believed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from agent.proof.script_choices import script_choices
from sandbox.testing import COMPUTES, TestOutcome, TestRun
from tools.logs import Crash

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
_PICKS = frozenset({"get", "__getitem__", "pop", "setdefault"})
"""By what these are given they take one thing of several."""
_SCRIPTS = (".js", ".mjs", ".cjs")
_FORGES = frozenset({"__code__", "__traceback__", "with_traceback", "throw"})
_OWN_FILES = re.compile(r"\.py$|^/work|^services/")
_TELLING = re.compile(r"NoneType|attribute '\w+'|argument:? '\w+'")
_TELLING_TYPES = frozenset({"TypeError", "AttributeError"})


def fails_as(crash: Crash | None, service: str, outcome: TestOutcome) -> bool:
    """Whether a failing test fails as the incident did: its exception, raised through its culprit.

    Types of exceptions that say what the code lacks must say the same; other messages tell of data.
    """
    culprit = crash.culprit(service) if crash else None
    final = crash.final if crash else None
    if outcome.failure is None or culprit is None or final is None:
        return False
    if _is_python(outcome.node.partition("::")[0]) != _is_python(culprit.repo_path or ""):
        # No test of the one language runs code of the other.
        return False
    through = {(path, function) for path, _, function in outcome.failure.frames}
    name = outcome.failure.type.rpartition(".")[2]
    if name != final.name or (culprit.repo_path, culprit.function) not in through:
        return False
    told = set(_TELLING.findall(final.message)) if name in _TELLING_TYPES else set[str]()
    return told <= set(_TELLING.findall(outcome.failure.message))


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def same_way(crash: Crash | None, before: TestOutcome, run: TestRun) -> bool:
    """Whether a test did to the patch what it did to the base, and what failed there goes well now.

    `before` is its outcome on the base, `run` one of the patch that has it. A test of Node is not
    watched at its calls, and is taken at its word. Where the code computes with an object of the test's
    own making, what comes of it is the test's doing, on both.
    """
    if not _is_python(before.node.partition("::")[0]):
        return True
    name = crash.final.name if crash and crash.final else ""
    failed = {call for call in before.calls if call.endswith(f"!{name}")}
    made = {call for call in before.calls if "!" not in call}
    own = run.outcomes[before.node].calls
    if any(call.endswith(COMPUTES) for call in before.calls | own):
        return False
    shared = {call for outcome in run.outcomes.values() for call in outcome.calls if call.startswith("~")}
    again = {call.partition(".")[0] for call in own if call.endswith(f"!{name}")}
    return bool(failed) and made <= own | shared and again.isdisjoint(c.partition(".")[0] for c in failed)


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


def why_none(brought: bool, chosen: Sequence[str], silent: Sequence[str] = ()) -> str:
    """Why no test shows that the incident's failure is mended. `silent` are tests that claim nothing."""
    if not brought:
        return "the patch brings no new test"
    if silent and not chosen:
        return f"a test that makes no claim shows nothing: {', '.join(silent[:3])}"
    if chosen:
        told = "; ".join(chosen[:3])
        return f"a test that chooses what to do by the code it runs on shows nothing: {told}"
    return "no new test fails on the base with the incident's exception at its culprit"


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
            if _names(node) & self._code:
                self._tell(node, "decides by what the code under test has")

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
    """Names that stand for the code under test: what is imported of it, and what is made of that."""
    code = {name for node in ast.walk(tree) for name in _imported(node)}
    before = -1
    while before != len(code):
        before = len(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and _names(node.value) & code:
                code |= {name for target in node.targets for name in _stored(target)}
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign) and node.value is not None:
                code |= _stored(node.target) if _names(node.value) & code else set()
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _gives(node, code):
                code.add(node.name)
    return frozenset(code)


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
    return any(_names(node) & code for node in returned)


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _stored(target: ast.AST) -> set[str]:
    """Plain names that an assignment binds; what is put into an object is not followed."""
    return {n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
