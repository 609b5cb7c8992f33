"""What a reviewer must be told about a patch, in two words each, read from its syntax and not from words.

    workaround        a new broad `except`, an error that is swallowed, a default that hides missing data
    drops behaviour   an import, route, middleware, subscription, task or key that the base had is gone

The first are flags of the gate (`sandbox.signals`); what is served less is read here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.git import git
from sandbox.patch import Patch
from sandbox.review import is_test
from tools.tool import Workbench

LabelName = Literal["workaround", "drops behaviour", "look at"]

WORKAROUNDS = {
    "broad-except": "a broad except",
    "swallows-error": "a swallowed error",
    "adds-default": "a default that hides missing data",
}
SERVING_CALLS = {
    "subscribe": "subscription",
    "psubscribe": "subscription",
    "publish": "channel",
    "create_task": "task",
    "ensure_future": "task",
    "run_in_executor": "task",
    "Thread": "task",
    "route": "route",
    "add_route": "route",
    "add_api_route": "route",
    "add_get": "route",
    "add_post": "route",
    "include_router": "route",
    "add_middleware": "middleware",
    "set": "key",
    "hset": "key",
    "xadd": "key",
    "lpush": "key",
    "rpush": "key",
}
ROUTE_DECORATORS = {"get", "post", "put", "delete", "patch", "route", "websocket", "middleware"}


@dataclass(frozen=True, slots=True)
class Label:
    """One label with what it was read from."""

    name: LabelName
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


def labels_of(flags: Sequence[str], before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Label, ...]:
    """The labels of a patch with the gate's `flags`.

    `before` and `after` map the changed Python files (tests left out) to their source on the base
    and with the patch; a file that is missing on one side is empty there. What does not parse is
    the business of another rung and yields nothing.
    """
    lost = sorted(_lost(_trees(before), _trees(after)))
    return (
        *(Label("workaround", WORKAROUNDS[flag]) for flag in flags if flag in WORKAROUNDS),
        *(Label("drops behaviour", f"{what} {name}") for what, name in lost),
        *(Label("look at", flag) for flag in flags if flag not in WORKAROUNDS),
    )


def labels_for(bench: Workbench, patch: Patch) -> tuple[str, ...]:
    """What a reviewer must be told about a patch, in words."""
    changed = [file for file in patch.files if file.path.endswith(".py") and not is_test(file.path)]
    before = {f.path: _source(bench, patch.base, f.path) for f in changed if f.kind != "added"}
    after = {f.path: _source(bench, patch.tree, f.path) for f in changed if f.kind != "deleted"}
    labels = (*labels_of(patch.flags, before, after), *_rewritten(bench, patch))
    return tuple(map(str, labels))


def _rewritten(bench: Workbench, patch: Patch) -> Iterator[Label]:
    """New files that history has with other contents: what was lost did not come back as it was."""
    for file in patch.files:
        last = bench.repository.last_commit_with(file.path) if file.kind == "added" else None
        if last is not None and _source(bench, last, file.path) != _source(bench, patch.tree, file.path):
            detail = f"{file.path} is written anew, and history has it as it was in {last[:12]}"
            yield Label("drops behaviour", detail)


def _source(bench: Workbench, tree_ish: str, path: str) -> str:
    return git(bench.gate.git_dir, "cat-file", "blob", f"{tree_ish}:{path}").decode("utf-8", "replace")


def _trees(sources: Mapping[str, str]) -> dict[str, ast.Module]:
    trees = {}
    for path, source in sources.items():
        try:
            trees[path] = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            continue
    return trees


def _lost(old: Mapping[str, ast.Module], new: Mapping[str, ast.Module]) -> set[tuple[str, str]]:
    served = _served(old) - _served(new)
    gone = (_imported(old) - _bound(new)) & _used(old)
    return set(served) | {("import", name) for name in gone - _renamed(old, new)}


def _renamed(old: Mapping[str, ast.Module], new: Mapping[str, ast.Module]) -> set[str]:
    """Names in whose place as many others are imported from the same module now."""
    before, after = _by_module(old), _by_module(new)
    lost = {module: names - after.get(module, set()) for module, names in before.items()}
    gained = {module: names - before.get(module, set()) for module, names in after.items()}
    return {
        name for module, names in lost.items() if len(gained.get(module, ())) >= len(names) for name in names
    }


def _by_module(trees: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                found.setdefault(f"{node.level}{node.module}", set()).update(
                    alias.asname or alias.name for alias in node.names
                )
    return found


def _served(trees: Mapping[str, ast.Module]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (kind := SERVING_CALLS.get(_called(node))):
                found |= {
                    (kind, name) for argument in _naming(kind, node) if (name := _serving_name(argument))
                }
                found |= {
                    (kind, name)
                    for word in node.keywords
                    if word.arg == "target" and (name := _serving_name(word.value))
                }
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {("route", ast.unparse(d)) for d in node.decorator_list if _is_route(d)}
    return found


def _naming(kind: str, call: ast.Call) -> list[ast.expr]:
    """The arguments that name what a call serves: all channels of a subscription, else not the payload."""
    if kind == "subscription":
        return call.args
    return call.args[:1] if kind in ("key", "channel") else call.args[:2]


def _serving_name(argument: ast.expr) -> str | None:
    """A channel, key or worker in a form that survives other changes of the line."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    if isinstance(argument, ast.JoinedStr):
        return ast.unparse(argument)
    if isinstance(argument, ast.Call):
        return f"{_called(argument)}()"
    return _last_name(argument)


def _is_route(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and _called(decorator) in ROUTE_DECORATORS and bool(decorator.args)


def _imported(trees: Mapping[str, ast.Module]) -> set[str]:
    return {
        alias.asname or alias.name.split(".")[0]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _bound(trees: Mapping[str, ast.Module]) -> set[str]:
    """Every name that is imported, defined or assigned anywhere."""
    names = _imported(trees)
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


def _used(trees: Mapping[str, ast.Module]) -> set[str]:
    nodes = (node for tree in trees.values() for node in ast.walk(tree))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _called(call: ast.Call) -> str:
    return _last_name(call.func) or ""


def _last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
