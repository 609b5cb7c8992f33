"""What of the house's code asks where it runs: variables, the host, files, servers.

What a test gets of such code is another thing in a box than on a person's machine, so that it may fail in
the one place only; and what it does to a server, a box keeps from the real one.
"""

from __future__ import annotations

import ast
import builtins
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.proof.labels.plain.words import said
from agent.proof.labels.sources import Function, Trees, trees

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


def asking(sources: Mapping[str, str]) -> frozenset[str]:
    """Names of the functions and classes of Python that ask where they run, or call what does.

    Those that modules have as well are not told from these.
    """
    every = list(_every(trees(sources, folded=False)))
    found = {each.name for each in every if each.names & _ASKS}
    before = -1
    while before != len(found):
        before = len(found)
        found |= {each.name for each in every if each.calls & found}
    modules = {path.rpartition("/")[2].removesuffix(".py") for path in sources}
    return frozenset(found - modules)


def loading(scripts: Mapping[str, str], sources: Mapping[str, str]) -> Iterator[str]:
    """What of tests in scripts loads a script that asks where it runs; both by path, in words."""
    for path, text in scripts.items():
        for _, name in _PLACE.findall(text):
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            file = next((whole + end for end in _ENDS if whole + end in sources), None)
            if file and _SCRIPT_ASKS.search(sources[file]):
                yield f"loads {file}, which {WHY}"


def _every(read: Trees) -> Iterator[_Made]:
    for module in read.values():
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
