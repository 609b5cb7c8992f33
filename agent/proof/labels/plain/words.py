"""The words that a service uses already: names, attributes, keywords, modules and short texts."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agent.proof.labels.sources import Function, trees

SCRIPT_WORD = re.compile(r"[A-Za-z_$][\w$]*")

_BUILTINS = frozenset(
    {"abs", "all", "any", "bool", "bytes", "dict", "divmod", "enumerate", "float", "frozenset", "int"}
    | {"isinstance", "len", "list", "max", "min", "range", "repr", "reversed", "round", "set", "sorted"}
    | {"str", "sum", "tuple"}
    | {name for name, kind in vars(builtins).items() if type(kind) is type and issubclass(kind, Exception)}
)  # fmt: skip
_METHODS = frozenset(
    {"append", "extend", "count", "decode", "encode", "endswith", "find", "format", "get", "index"}
    | {"isdigit", "items", "join", "keys", "lower", "lstrip", "partition", "replace", "rpartition"}
    | {"rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper", "values"}
    | {"debug", "info", "warning", "error", "exception", "critical", "create_task", "gather", "sleep"}
    | {"to_thread", "wait_for", "add_done_callback", "isoformat", "fromisoformat", "utc", "timezone"}
    | {"timedelta", "timestamp", "fromtimestamp", "loads", "dumps", "isfinite", "isnan", "annotations"}
    | {"math", "json", "asyncio", "datetime", "time", "logging", "typing", "Any", "Mapping", "Sequence"}
)  # fmt: skip
_MODULES = frozenset({"__future__", "asyncio", "datetime", "json", "logging", "math", "time", "typing"})
_HOUSE = ("services.", "shared.")


@dataclass(frozen=True, slots=True)
class Words:
    """What the service's and the shared sources of the base use; `often` is how often they write a text.

    `foreign` are names that they import from elsewhere, or have for the place of a file; `stems` those of
    their files and folders.
    """

    names: frozenset[str]
    modules: frozenset[str]
    defined: frozenset[str]
    texts: frozenset[str]
    often: Counter[str] = field(default_factory=Counter)
    foreign: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        """Whether a name is one that the service uses, or one of everyday Python."""
        return name in self.names or name in _BUILTINS or name in _METHODS

    def defines(self, name: str) -> bool:
        """Whether the service or shared/ defines a function or a class of that name."""
        return name in self.defined

    def has_module(self, name: str) -> bool:
        """Whether a module is imported already, or is the house's or everyday Python's."""
        return name in self.modules or name in _MODULES or name.startswith(_HOUSE)


def words_in(texts: Iterable[str]) -> frozenset[str]:
    """The words of any texts."""
    return frozenset(word for text in texts for word in SCRIPT_WORD.findall(text))


def words_of(
    sources: Mapping[str, str], known: frozenset[str] = frozenset(), others: frozenset[str] = frozenset()
) -> Words:
    """The words of sources by path: Python by its syntax, scripts by their text.

    `known` are keys besides, `others` what the other services write.
    """
    read = trees(sources, folded=False)
    every = [node for module in read.values() for _place, node in module.placed]
    scripts = (text for path, text in sources.items() if not path.endswith(".py"))
    names = {*_named(every), *(word for text in scripts for word in SCRIPT_WORD.findall(text))}
    kinds = (*Function.__args__, ast.ClassDef)
    texts = [node.value for node in every if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return Words(
        frozenset(names),
        frozenset(name for node in every for name in imported(node)),
        frozenset(node.name for node in every if isinstance(node, kinds)),
        known | frozenset(texts),
        Counter([*texts, *known, *others]),
        frozenset(name for node in every for name in (*_of_place(node), *_foreign(node))),
        frozenset(part.partition(".")[0] for path in sources for part in path.split("/")),
    )


def _foreign(node: ast.AST) -> Iterator[str]:
    yield from [] if is_of_house(node) else taken(node)


def _of_place(node: ast.AST) -> Iterator[str]:
    """Names of where a file lies."""
    if isinstance(node, ast.Assign) and any(_is_file(each) for each in ast.walk(node.value)):
        yield from (name for target in node.targets for name in bound(target))


def _is_file(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "__file__"


def is_of_house(node: ast.AST) -> bool:
    """Whether an import is one of the house's own modules, or from one."""
    return not any(not f"{name}.".startswith(_HOUSE) for name in imported(node))


def taken(node: ast.AST) -> Iterator[str]:
    """The names that an import gives to what it takes."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (name for alias in node.names for name in bound(alias))


def _named(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        yield from bound(node)
        if isinstance(node, ast.Name | ast.Attribute | ast.keyword):
            yield said(node)
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


def said(node: ast.Name | ast.Attribute | ast.keyword) -> str:
    """The one word that a node says."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else node.arg or ""


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a node gives to something."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ClassDef(name=name):
            yield name
        case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.alias(name=name):
            yield name.partition(".")[0]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
    if isinstance(node, Function):
        yield node.name


def keys(node: ast.AST) -> Iterator[str]:
    """The text that a node reads something by."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            yield key
        case ast.Call(
            func=ast.Attribute(attr="get" | "pop" | "setdefault"), args=[ast.Constant(value=str(key)), *_]
        ):
            yield key


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that an import names; relative ones are the service's own."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module
