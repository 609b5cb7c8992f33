"""What a patch's own test does that no plain test needs.

A plain test gives values to the code under test, stands in for what that asks, and makes claims of what comes
of it. It is told of anything that looks at the code, reaches for what runs it, or is made to answer claims.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping

from agent.proof.labels.constants import last_name
from agent.proof.labels.plain.constructs import REACHING
from agent.proof.labels.plain.limits import limits, orders_of_sets
from agent.proof.labels.plain.own_names import OwnNames
from agent.proof.labels.plain.replaced import replaced
from agent.proof.labels.plain.surroundings import WHY
from agent.proof.labels.plain.words import Words, imported, is_of_house, said, taken
from agent.proof.labels.plain.written_out import written_out
from agent.proof.labels.sources import nodes, shown, trees


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MODULES = frozenset(
    {"__future__", "asyncio", "collections", "datetime", "decimal", "json", "logging", "math", "pytest"}
    | {"pytest_asyncio", "time", "types", "typing", "unittest", "unittest.mock", "uuid", "zoneinfo"}
)
_HOUSE = ("services", "shared")
_TOPS = frozenset(module.partition(".")[0] for module in _MODULES)
_REACHES = re.compile(r"\{[^}]{0,99}[.\[]")
_WORDS = _split(
    "ANY Any AsyncIterator AsyncMock Callable CancelledError Decimal Event IsolatedAsyncioTestCase"
    " Iterator MagicMock"
    " Mapping Mock Queue SimpleNamespace TestCase UUID ZoneInfo aclose anyio approx args"
    " assertAlmostEqual assertEqual assertFalse assertIn assertIs assertIsNone assertIsNotNone assertNotIn"
    " assertRaises assertTrue assert_any_await assert_any_call assert_awaited assert_awaited_once"
    " assert_awaited_once_with assert_awaited_with assert_called assert_called_once"
    " assert_called_once_with assert_called_with assert_has_awaits assert_has_calls assert_not_awaited"
    " assert_not_called asyncio await_args await_args_list await_count awaited call call_args"
    " call_args_list call_count called cancel cancelled caplog capsys clear close configure_mock"
    " create_task date datetime defaultdict delenv deque dict done err exception fget fixture"
    " gather get_running_loop is_set kwargs mark match messages mock mock_calls monkeypatch "
    " namedtuple new_event_loop object out param parametrize patch pytest raises raising readouterr"
    " records reset_mock result return_value run run_until_complete set setUp setattr setenv"
    " setitem side_effect skip slow syspath_prepend text time timedelta timeout timezone tz tzinfo unittest"
    " usefixtures uuid4 value wait wait_for warns"
)
"""What pytest, mocks and asyncio have for tests, and everyday values."""
_BESIDE = _split(
    "os sys environ getenv getcwd getuser getlogin gettempdir uname getnode getpid subprocess socket pathlib"
    " platform builtins importlib inspect gc tempfile shutil io glob ctypes signal resource pwd getpass"
    " tmp_path tmp_path_factory tmpdir request pytestconfig cache"
    " pathname filename module lineno exc_text funcName processName process thread threadName"
    " taskName created msecs"
    " relativeCreated exc_info stack_info get_coro get_stack print_stack get_name get_context modules"
    " cr_frame cr_code cr_origin gi_frame gi_code ag_frame ag_code f_code f_back f_globals f_locals f_lineno"
    " co_filename co_name co_code co_consts tb_frame tb_next tb_lineno"
)
"""What tells a test where it runs, and not what it tests."""
_SPECIAL = frozenset(
    {"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__aiter__", "__anext__", "__call__"}
)
_KINDS: tuple[tuple[type[ast.AST], str], ...] = (
    (ast.Try, "a try"),
    (ast.TryStar, "a try"),
    (ast.Global, "a global"),
    (ast.Nonlocal, "a nonlocal"),
    (ast.Delete, "a del"),
    (ast.Match, "a match"),
    (ast.While, "a while"),
    (ast.NamedExpr, "an assignment within an expression"),
)


def beyond_in_tests(
    tests: Mapping[str, str], words: Words, asking: frozenset[str] = frozenset()
) -> list[str]:
    """What new test files of Python do beyond plain tests, by path; in words, each once.

    `words` are those of the service with what is changed in it, `asking` are `surroundings.asking` of it.
    """
    read = trees(tests, folded=False)
    found = [f"{path} cannot be read" for path in tests if path.endswith(".py") and path not in read]
    found += [f"runs code in {path}" for path, source in read.items() if _is_package(path, source.tree)]
    stems = {path: path.rpartition("/")[2].removesuffix(".py") for path in read}
    found += [f"{path} stands in for a module" for path, stem in stems.items() if _is_taken(stem, words)]
    every = list(nodes(read))
    own, services = OwnNames.of(every), frozenset(path.split("/")[1] for path in read)
    found += (told for node in every for told in _of(node, words, own, services))
    found += written_out(every, {name for node in every for name in _modules_of(node, words)})
    found += orders_of_sets(every)
    asked = asking - own.modules
    found += (f"runs {name}, which {WHY}" for node in every for name in _taken(node) if name in asked)
    return list(dict.fromkeys(found))


def _modules_of(node: ast.AST, words: Words) -> Iterator[str]:
    """Names that an import gives to modules."""
    if isinstance(node, ast.Import):
        yield from taken(node)
    elif isinstance(node, ast.ImportFrom):
        known = words.stems if is_of_house(node) else frozenset[str]()
        for each in node.names:
            if each.name in known or f"{node.module}.{each.name}" in _MODULES:
                yield each.asname or each.name


def _is_package(path: str, tree: ast.Module) -> bool:
    """Whether a package of tests does something when it is imported: only plain pytest imports it."""
    said = [each for each in tree.body if not (isinstance(each, ast.Expr) and _is_text(each.value))]
    return path.endswith("/__init__.py") and bool(said)


def _is_taken(stem: str, words: Words) -> bool:
    return stem in sys.stdlib_module_names or (stem != "__init__" and words.has_module(stem))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _of(node: ast.AST, words: Words, own: OwnNames, services: frozenset[str]) -> Iterator[str]:
    yield from (what for kind, what in _KINDS if isinstance(node, kind))
    for module in imported(node):
        top, _, inner = module.partition(".")
        if not (module in _MODULES or top in _HOUSE):
            yield f"the module {module}"
        elif top == "services" and inner.partition(".")[0] not in services:
            yield f"another service's {module}"
    for name in _names(node):
        if name.startswith("__") and name not in _SPECIAL and name != "__future__":
            yield name
        elif name in words.foreign - _WORDS - _TOPS - own.modules:
            yield f"{name} of the service's imports"
        elif name in _BESIDE or not (words.knows(name) or name in _WORDS or own.allow(node, name)):
            yield f"the name {name}"
    yield from _asked(node)
    yield from limits(node)
    yield from replaced(node, own, words)
    match node:
        case ast.FunctionDef(name=name) if name.startswith("__") and name not in _SPECIAL:
            yield f"the method {name}"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("pytest_"):
            yield f"the hook {name}"
        case ast.Name(id=name) if name in REACHING - {"object", "property", "staticmethod", "classmethod"}:
            yield name
        case ast.ClassDef(bases=[_, *_] as bases) if not all(map(_is_kind, bases)):
            yield f"the class {node.name} out of {', '.join(map(shown, bases))}"
        case ast.If(test=test) | ast.IfExp(test=test) if _calls(test):
            yield f"decides by `{shown(test)}`"
        case ast.Assert(test=test) if _is_empty(test):
            yield f"claims nothing: `{shown(test)}`"
        case ast.Assert(test=test) if any(isinstance(p, ast.BoolOp | ast.IfExp) for p in ast.walk(test)):
            if not (isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And)):
                yield f"claims the one or the other: `{shown(test)}`"


def _asked(node: ast.AST) -> Iterator[str]:
    """What a call asks of where the test runs: a variable that has to be set, a place by its dots, any."""
    match node:
        case ast.Call(func=ast.Attribute(attr="delenv"), keywords=keywords) if not any(
            each.arg == "raising" and isinstance(each.value, ast.Constant) and each.value.value is False
            for each in keywords
        ):
            yield "asks whether a variable is set"
        case ast.Call(func=ast.Attribute(attr="setenv"), args=[_, _, *more], keywords=keywords):
            if more or keywords:
                yield "asks what a variable holds"
        case ast.Call(func=ast.Attribute(attr="format" | "format_map", value=value)):
            form = value.value if isinstance(value, ast.Constant) else None
            if not isinstance(form, str) or _REACHES.search(form):
                yield "looks into what it formats"


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name | ast.Attribute | ast.keyword):
        yield said(node)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in _HOUSE:
        yield from (each.name for each in node.names)


def _taken(node: ast.AST) -> Iterator[str]:
    """Names that are used there, or taken from a module of the house."""
    yield from _names(node)
    yield from taken(node) if is_of_house(node) else ()


def _is_kind(base: ast.expr) -> bool:
    """A base that gives its objects no operators: a test case, an error, or a class of the house."""
    name = last_name(base)
    return name.endswith(("TestCase", "Error", "Exception")) or name == "object"


def _is_empty(test: ast.expr) -> bool:
    """Whether a claim holds whatever the code does."""
    match test:
        case ast.Compare(left=left, comparators=[other]) if ast.dump(left) == ast.dump(other):
            return True
        case ast.Compare(left=left, comparators=others) if "ANY" in map(last_name, (left, *others)):
            return True
        case ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_]) | ast.Set() | ast.Dict(keys=[_, *_]):
            return True
        case ast.JoinedStr() | ast.Lambda() | ast.GeneratorExp():
            return True
    return not any(isinstance(each, ast.Name | ast.Attribute | ast.Call) for each in ast.walk(test))


def _calls(test: ast.expr) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(test))
