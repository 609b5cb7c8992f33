"""The signals of Python source, read from its syntax tree."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator

from sandbox.python_idle import acts, idle_functions, is_constant, is_literal

_CALLS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (signal, re.compile(pattern))
    for signal, pattern in (
        ("exits-process", r"os\.(_exit|abort|kill|killpg)|sys\.exit|exit|quit|atexit\.register"),
        ("starts-process", r"subprocess\..+|os\.(system|popen|fork|exec\w+|spawn\w+|posix_spawn\w*)|pty\..+"),
        ("dynamic-code", r"exec|eval|compile|__import__|importlib\.import_module|ctypes\..+|marshal\.loads"),
        ("swallows-error", r"contextlib\.suppress|logging\.disable|\(\)\.setLevel|.*\.set_exception_handler"),
        ("changes-import-path", r"sys\.(path|meta_path|path_hooks)\.\w+|site\.addsitedir"),
    )
)
_WATCHES_CALLER = re.compile(
    r"sys\.(_getframe|_current_frames|gettrace|getprofile)|inspect\.(stack|currentframe|getouterframes)"
)
_WATCHES_TEXT = re.compile(r"PYTEST_|AUTOHEALER|_pytest")
_WATCHED_MODULES = frozenset({"pytest", "_pytest"})
_TEST_PART = re.compile(r"_?pytest$|tests?$|test_|conftest$")
_EXITS = frozenset({"__exit__", "__aexit__"})
_BROAD = frozenset({"Exception", "BaseException"})
_SKIPS = re.compile(
    r"pytest\.(mark\.(skip|skipif|xfail)|skip|xfail|importorskip|exit)"
    r"|unittest\.(skip|skipIf|skipUnless|SkipTest|expectedFailure)|.*\.skipTest"
)
_TELLING_NAMES = frozenset({"_getframe", "_current_frames", "gettrace", "getprofile", "stack"})
_TELLING_NAMES |= {"currentframe", "getouterframes", "skip", "skipif", "xfail", "importorskip", "exit"}
_TELLING_NAMES |= {"skipIf", "skipUnless", "SkipTest", "expectedFailure", "skipTest"}
_RAISING_CHECK = re.compile(r"pytest\.(raises|warns|approx|fail)|\w+\.(assert\w+|fail)")


def python_signals(tree: ast.Module) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Counted signals, and the checks of each test by its qualified name.

    Raises:
        RecursionError: the tree is too deep.
    """
    return _Reader(tree).read()


class _Reader:
    """Reads the signals of one module."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.aliases: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.idle = idle_functions(tree)
        self.handlers: dict[type[ast.AST], Callable[..., None]] = {
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.Name: self._attribute,
            ast.Constant: self._constant,
            ast.ExceptHandler: self._handler,
            ast.BoolOp: self._bool_op,
            ast.IfExp: self._if_expression,
            ast.Assign: self._assign,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Import: self._import,
            ast.ImportFrom: self._import,
        }

    def read(self) -> tuple[Counter[str], dict[str, Counter[str]]]:
        nodes = list(ast.walk(self.tree))
        for node in nodes:
            self._learn(node)
        for node in nodes:
            if handler := self.handlers.get(type(node)):
                handler(node)
        return self.counts, dict(self._tests(self.tree, ""))

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for name in node.names:
                self.aliases[name.asname or name.name.split(".")[0]] = (
                    name.name if name.asname else name.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                self.aliases[name.asname or name.name] = f"{node.module}.{name.name}"

    def _dotted(self, node: ast.AST) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Call):
            parts.append("()")
        elif isinstance(node, ast.Name):
            parts.append(self.aliases.get(node.id, node.id))
        else:
            parts.append("?")
        return ".".join(reversed(parts))

    def _call(self, node: ast.Call) -> None:
        name = self._dotted(node.func)
        for signal, pattern in _CALLS:
            self.counts[signal] += pattern.fullmatch(name) is not None
        quiet = any(word.arg == "return_exceptions" and _is_true(word.value) for word in node.keywords)
        # `task.exception()` marks an error as seen; a logger's `exception` has arguments.
        seen = name.endswith(".exception") and not node.args and not node.keywords
        self.counts["swallows-error"] += quiet + seen
        getter = name.endswith((".get", ".setdefault", ".pop")) and len(node.args) == 2
        given = getter or (name == "getattr" and len(node.args) == 3)
        self.counts["adds-default"] += given and not _is_none(node.args[-1])

    def _attribute(self, node: ast.Attribute | ast.Name) -> None:
        last = node.attr if isinstance(node, ast.Attribute) else self.aliases.get(node.id, "")
        if last.rsplit(".", 1)[-1] in _TELLING_NAMES:
            name = self._dotted(node)
            self.counts["detects-tests"] += _WATCHES_CALLER.fullmatch(name) is not None
            self.counts["adds-skip"] += _SKIPS.fullmatch(name) is not None

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            watched = node.value in _WATCHED_MODULES or _WATCHES_TEXT.search(node.value) is not None
            self.counts["detects-tests"] += watched

    def _handler(self, node: ast.ExceptHandler) -> None:
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = {None if kind is None else self._dotted(kind).rsplit(".", 1)[-1] for kind in caught}
        self.counts["broad-except"] += bool(names & {None, *_BROAD})
        self.counts["swallows-error"] += not acts(node.body, self.idle)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A block whose end may give something true takes all errors; a constant is a default for all."""
        self.counts["adds-default"] += is_constant(node, self.idle)
        if node.name in _EXITS:
            given = (child.value for child in ast.walk(node) if isinstance(child, ast.Return))
            self.counts["swallows-error"] += any(map(_may_be_true, given))

    def _bool_op(self, node: ast.BoolOp) -> None:
        self.counts["adds-default"] += isinstance(node.op, ast.Or) and (
            _is_made_up(node.values[-1]) or any(map(_is_lookup, node.values[:-1]))
        )

    def _if_expression(self, node: ast.IfExp) -> None:
        self.counts["adds-default"] += _is_made_up(node.orelse) or _is_made_up(node.body)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            name = self._dotted(target.value if isinstance(target, ast.Subscript) else target)
            self.counts["changes-import-path"] += name in ("sys.path", "sys.modules", "sys.meta_path")
            self.counts["swallows-error"] += name in ("sys.stderr", "sys.stdout", "sys.excepthook")
            self.counts["adds-skip"] += name in ("collect_ignore", "collect_ignore_glob", "__test__")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [n.name for n in node.names]
        parts = {part for name in modules for part in name.split(".")}
        self.counts["detects-tests"] += any(map(_TEST_PART.match, parts))

    def _tests(self, node: ast.AST, prefix: str) -> Iterator[tuple[str, Counter[str]]]:
        """Each test by its qualified name; of two with one name the last counts, as when they run."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name.startswith("test"):
                yield f"{prefix}{child.name}", self._checks(child)
            elif isinstance(child, ast.ClassDef):
                yield from self._tests(child, f"{prefix}{child.name}::")
            elif isinstance(child, ast.If | ast.Try | ast.With):
                yield from self._tests(child, prefix)

    def _checks(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Counter[str]:
        checks: Counter[str] = Counter()
        self._check_block(function.body, "", checks)
        return checks

    def _check_block(self, block: list[ast.stmt], context: str, checks: Counter[str]) -> None:
        """Count what a block checks, each under the conditions that it stands below."""
        for statement in block:
            inner = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody", "handlers")]
            for node in _without_blocks(statement):
                if isinstance(node, ast.Assert):
                    checks[context + ast.dump(node.test)] += 1
                elif isinstance(node, ast.Call) and _RAISING_CHECK.fullmatch(self._dotted(node.func)):
                    checks[context + ast.dump(node)] += 1
            condition = getattr(statement, "test", None) if any(inner) else None
            below = f"{context}{type(statement).__name__}{ast.dump(condition) if condition else ''}/"
            for number, part in enumerate(inner):
                for piece in [part] if number < 3 else [handler.body for handler in part]:
                    self._check_block(piece, f"{below}{number}/", checks)
            if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue):
                # What follows never runs.
                return


def _without_blocks(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, but for those in the blocks that it holds."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            child
            for child in ast.iter_child_nodes(node)
            if node is not statement or not isinstance(child, ast.stmt | ast.ExceptHandler)
        ]


def _may_be_true(given: ast.expr | None) -> bool:
    return given is not None and not (isinstance(given, ast.Constant) and not given.value)


def _is_made_up(node: ast.expr) -> bool:
    """A literal in the place of data; None says that there is none."""
    return is_literal(node) and not _is_none(node)


def _is_lookup(node: ast.expr) -> bool:
    """`x.get(key)`: what stands behind its `or` takes the place of data that is not there."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
