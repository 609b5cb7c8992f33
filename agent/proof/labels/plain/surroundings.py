"""What of the house's code asks where it runs: variables, the host, files, servers.

What a test gets of such code is another thing in a box than on a person's machine, so that it may fail in
the one place only; and what it does to a server, a box keeps from the real one.
"""

from __future__ import annotations

import ast
import builtins
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agent.proof.labels.plain.words import said
from agent.proof.labels.sources import Function, Module, Trees, trees

WHY = "asks the machine or a server"
_ASKS = frozenset(
    {"argv", "create_connection", "environ", "executable", "exists", "expanduser", "from_url", "getaddrinfo"}
    | {"getcwd", "getenv", "gethostname", "getlogin", "getpid", "getuser", "glob", "home", "is_dir"}
    | {"is_file", "iterdir", "listdir", "open", "open_connection", "platform", "read_bytes", "read_text"}
    | {"stat", "uname", "urlopen"}
)
_SCRIPT_ASKS = re.compile(r"\bprocess\s*[.\[]|['\"](?:node:)?(?:os|fs|child_process|net|http|dns)\b")
_PLACE = re.compile(r"""(['"`])(\.{1,2}/[\w./-]{1,200})\1""")
_ENDS = ("", ".js", ".cjs", ".mjs", "/index.js")
_MAKING = frozenset({"__init__", "__new__", "__post_init__"})


@dataclass(frozen=True, slots=True)
class _Made:
    """A function, or what making an object of a class runs: its name, the names in it, what it calls."""

    name: str
    names: frozenset[str]
    calls: frozenset[str]


def asking(tests: Mapping[str, str], sources: Mapping[str, str]) -> frozenset[str]:
    """Names of functions and classes of Python that ask where they run, or call what does.

    Both are by path. Looked at is what the tests import, and what that does; what has the name of a module
    as well is not told from it.
    """
    read = trees(sources, folded=False)
    made = {path: list(_every(module)) for path, module in read.items()}
    found, before = set[str](), -1
    while before != len(found):
        before = len(found)
        found |= {each.name for of_file in made.values() for each in of_file if _asks(each, found)}
    reached = _reached(trees(tests, folded=False), read)
    there = {each.name for path in reached for each in made[path] if _asks(each, found)}
    return frozenset(there) - {_stem(path) for path in sources}


def _asks(made: _Made, others: Collection[str]) -> bool:
    return not made.names.isdisjoint(_ASKS) or not made.calls.isdisjoint(others)


def loading(scripts: Mapping[str, str], sources: Mapping[str, str]) -> Iterator[str]:
    """What of tests in scripts loads a script that asks where it runs; both by path, in words."""
    for path, text in scripts.items():
        for _, name in _PLACE.findall(text):
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            file = next((whole + end for end in _ENDS if whole + end in sources), None)
            if file and _SCRIPT_ASKS.search(sources[file]):
                yield f"loads {file}, which {WHY}"


def _reached(tests: Trees, read: Trees) -> frozenset[str]:
    """The files that are imported by tests, or by such a file."""
    found = set[str]()
    waiting = list(tests.values())
    while waiting:
        named = {name for _, node in waiting.pop().placed for name in _modules(node)}
        news = [path for path in read if path not in found and any(_is_module(path, one) for one in named)]
        found.update(news)
        waiting += [read[path] for path in news]
    return frozenset(found)


def _modules(node: ast.AST) -> Iterator[str]:
    """What may be a module of what an import names: whence it takes something, and that."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        within = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        yield from within
        yield from (".".join([*within, each.name]) for each in node.names)


def _is_module(path: str, name: str) -> bool:
    """Whether a file may be a module of that name: the service's own folder is on the path, too."""
    whole = path.removesuffix(".py").removesuffix("/__init__")
    return f"/{whole}".endswith("/" + name.replace(".", "/"))


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".py")


def _every(module: Module) -> Iterator[_Made]:
    for _, node in module.placed:
        if isinstance(node, Function) and node.name not in _MAKING:
            yield _made(node.name, node)
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, Function) and part.name in _MAKING:
                    yield _made(node.name, part)


def _made(name: str, function: ast.AST) -> _Made:
    parts = list(ast.walk(function))
    names = {said(part) for part in parts if isinstance(part, ast.Name | ast.Attribute)}
    return _Made(name, frozenset(names), frozenset(filter(None, map(_called, parts))))


def _called(node: ast.AST) -> str:
    """The name of what is surely the house's own, if it is called there."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return "" if hasattr(builtins, name) else name
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name)):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name()), attr=name)):
            return name
    return ""
